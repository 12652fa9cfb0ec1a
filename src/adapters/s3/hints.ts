import type { ErrorCode } from "../../errors.ts";
import type { StoreCall } from "./errors.ts";
import type { StoreFailure } from "./failure.ts";

export const foreignHint = "look at s3-endpoint, and at proxies before the store: something else answers there";

const inTrouble = "the store is in trouble; run again later";
const full = "the bucket, its user or the account is full: raise the quota, or delete old snapshots (keep-last)";
const suspended = "the store's account has a problem, such as an unpaid bill: ask the store's operator";

/** Codes that no other rule knows, of AWS and of stores that bill by quota: the first whose words are in a name counts. */
const hintOfName: Readonly<Record<string, string>> = {
  NoSuchUpload: "something else ended the upload; look for lifecycle rules of the bucket",
  QuotaExceeded: full,
  InsufficientStorage: full,
  StorageFull: full,
  StorageExceeded: full,
  storage_cap_exceeded: full,
  AccountProblem: suspended,
  UserSuspended: suspended,
  ArrearOverdue: suspended,
  AllAccessDisabled: "the store has disabled all access to this: ask the store's operator",
  InvalidObjectState: "the object is archived: restore it from its storage class first",
  ObjectLocked: "a lock of the bucket keeps the object; it ends by itself",
  SlowDown: "the store asks for fewer requests; run again later",
  TooManyRequests: "the store asks for fewer requests; run again later",
  EntityTooLarge: "the store takes no object of this size: raise its limit",
  MethodNotAllowed: "the store does not allow this here: look at s3-endpoint and at policies of the bucket",
};

/** The change to make; undefined where nobody knows. Nothing that is in force already. */
export function findHint(code: ErrorCode, failure: StoreFailure, call: StoreCall, action: string): string | undefined {
  switch (code) {
    case "store-unreachable":
      return failure.status === undefined
        ? findConnectionHint(failure, call)
        : (findRefusalHint(failure, call) ?? inTrouble);
    case "store-credentials-missing":
      return "set s3-access-key-id and s3-secret-access-key, or run aws-actions/configure-aws-credentials in an earlier step";
    case "store-credentials-expired":
      return "ask for a longer session (role-duration-seconds of aws-actions/configure-aws-credentials)";
    case "store-credentials-rejected":
      return findCredentialsHint(failure, call);
    case "store-wrong-region":
      return failure.region === undefined ? "set s3-region to the bucket's region" : `set s3-region: ${failure.region}`;
    case "bucket-not-found":
      return "look at s3-bucket, s3-endpoint and s3-force-path-style; the action creates no bucket";
    case "store-access-denied":
      return findGrantHint(call, action);
    case "object-exists":
      return "objects are never overwritten; run the backup again, it takes a name of its own";
    case "object-unreadable":
    case "store-refused":
      return findRefusalHint(failure, call);
    default:
      return undefined;
  }
}

function findGrantHint(call: StoreCall, action: string): string {
  const looks = call.operation === "HeadObject";
  const lists = action.startsWith("s3:ListBucket");
  const writes = action === "s3:PutObject";
  // Names of objects are drawn by chance: a policy grants a folder.
  const folder = call.key.slice(0, call.key.lastIndexOf("/") + 1);
  return [
    `grant ${action} on arn:aws:s3:::${call.bucket}${lists ? "" : `/${folder}*`}`,
    ...(looks
      ? [
          `and s3:ListBucket on arn:aws:s3:::${call.bucket}: without it a missing object is refused too; or is s3-prefix another one than that of the policy (docs/iam-policy.json)?`,
        ]
      : []),
    ...(writes && call.inForce.encryption === undefined
      ? ["or set s3-server-side-encryption, if a policy of the bucket demands that header"]
      : []),
    ...(writes && call.inForce.encryption?.startsWith("aws:kms") === true
      ? ["and kms:GenerateDataKey and kms:Decrypt on the key of s3-kms-key-id"]
      : []),
  ].join(", ");
}

function findRefusalHint({ name, status }: StoreFailure, { inForce, operation }: StoreCall): string | undefined {
  const known = Object.entries(hintOfName).find(([code]) => name.includes(code))?.[1];
  if (known !== undefined) return known;
  if (/^KMS\.|^Kms/.test(name)) return "look at the key of s3-kms-key-id, and at its state and policy";
  // RADOS gateway without a key server answers InvalidArgument to aws:kms.
  const asks = inForce.encryption !== undefined && (operation === "CreateMultipartUpload" || operation === "PutObject");
  if (/ServerSideEncryption|InvalidEncryption/i.test(name) || (asks && /^Invalid(?:Argument|Request)$/.test(name)))
    return "this store does not take s3-server-side-encryption as it is set";
  if (status === 501 || name === "NotImplemented" || /checksum|digest|InvalidPart/i.test(name)) {
    if (inForce.checksums) return "if the store knows no checksums of AWS, set s3-checksums: when-required";
    if (inForce.encryption !== undefined)
      return "if the store knows no encryption, leave s3-server-side-encryption out";
    return "the store does not know a part of S3 that the action needs: see docs/s3-compatibility.md";
  }
  // A store says what it is that is not there.
  if (status === 404) return foreignHint;
  return (status ?? 0) >= 500 ? inTrouble : undefined;
}

function findCredentialsHint(failure: StoreFailure, call: StoreCall): string {
  const [id, secret, token] = call.credentialsGiven
    ? ["s3-access-key-id", "s3-secret-access-key", "s3-session-token"]
    : ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
  if (failure.name === "SignatureDoesNotMatch") return `look at ${secret}: it does not belong to ${id}`;
  if (failure.name === "RequestTimeTooSkewed" || failure.name === "RequestExpired")
    return "set the clock of the runner: it is more than 15 minutes away from the store's";
  if (failure.name === "InvalidToken") return `look at ${token}: it does not belong to ${id}`;
  if (failure.name === "AuthorizationHeaderMalformed")
    return `look at s3-region, which is ${call.region}: the store may have another; and at ${id} and ${secret}`;
  return `look at ${id} and ${secret}: this store does not know the key`;
}

function findConnectionHint(failure: StoreFailure, call: StoreCall): string {
  const errno = failure.errno ?? "";
  if (errno === "ERR_TLS_CERT_ALTNAME_INVALID")
    return call.bucket.includes(".") && !call.inForce.pathStyle
      ? "the certificate is for another name: a bucket name with dots needs s3-force-path-style: true"
      : "the certificate is for another name: look at s3-endpoint and s3-force-path-style";
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(errno))
    return call.inForce.extraAuthorities
      ? "the certificate is not trusted: the file in NODE_EXTRA_CA_CERTS does not hold an authority of it, or is not there"
      : "the certificate is not trusted: give the store's CA as a file in NODE_EXTRA_CA_CERTS in env of the step";
  if (errno === "EPROTO" || errno.startsWith("ERR_SSL"))
    return "no TLS is spoken there: look at port and scheme of s3-endpoint";
  if (errno.startsWith("ERR_PROXY")) return "the proxy refused or is misconfigured: look at HTTPS_PROXY and NO_PROXY";
  // Some servers answer and close while a body is still being sent, which looks like a reset connection.
  if (errno === "ECONNRESET" || errno === "EPIPE")
    return "the connection was cut: look at s3-endpoint, proxies, and the store's log for a refusal";
  if (failure.name === "TimeoutError" || errno === "ETIMEDOUT")
    return "no connection, silence, or a line that is too slow: 16 KiB/s are needed for each of four at once; look at s3-endpoint, HTTPS_PROXY and the runner's uplink";
  if (errno === "ENOTFOUND")
    return "this runner does not know that name: look at s3-endpoint, s3-region and s3-force-path-style; a name of a private network needs a runner inside of it";
  return "look at s3-endpoint and s3-region, and whether the runner may connect there (HTTPS_PROXY)";
}
