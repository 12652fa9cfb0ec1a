import { ActionError, type ErrorCode } from "../errors.ts";
import { readFailure, type StoreFailure } from "./s3-failure.ts";

/** What is asked of the store, and the IAM action that allows it. */
const operations = {
  HeadObject: { doing: "look for", action: "s3:GetObject" },
  PutObject: { doing: "write", action: "s3:PutObject" },
  CreateMultipartUpload: { doing: "start an upload to", action: "s3:PutObject" },
  UploadPart: { doing: "upload a part of", action: "s3:PutObject" },
  CompleteMultipartUpload: { doing: "complete the upload of", action: "s3:PutObject" },
  AbortMultipartUpload: { doing: "abort the upload of", action: "s3:AbortMultipartUpload" },
  ListMultipartUploads: { doing: "list the open uploads of", action: "s3:ListBucketMultipartUploads" },
  ListObjects: { doing: "list the objects of", action: "s3:ListBucket" },
  GetObject: { doing: "read", action: "s3:GetObject" },
  GetObjectVersion: { doing: "read", action: "s3:GetObjectVersion" },
  DeleteObject: { doing: "delete", action: "s3:DeleteObject" },
  DeleteObjectVersion: { doing: "delete", action: "s3:DeleteObjectVersion" },
  SignUrl: { doing: "sign a URL of", action: "s3:GetObject" },
} as const;

export type StoreOperation = keyof typeof operations;

export interface StoreCall {
  readonly operation: StoreOperation;
  readonly bucket: string;
  readonly key: string;
  /** Host name and port of the store, or the service of AWS. */
  readonly host: string;
  /** The region that requests are signed for. */
  readonly region: string;
  /** True when the credentials are the user's inputs, false when they are the ambient ones. */
  readonly credentialsGiven: boolean;
}

/** S3 codes that say what the status alone does not; servers differ in both, observed on AWS, RADOS gateway, versitygw, Garage, MinIO. */
const codeOfName: Readonly<Record<string, ErrorCode>> = {
  InvalidAccessKeyId: "store-credentials-rejected",
  InvalidClientTokenId: "store-credentials-rejected",
  SignatureDoesNotMatch: "store-credentials-rejected",
  InvalidToken: "store-credentials-rejected",
  InvalidSecurity: "store-credentials-rejected",
  NotSignedUp: "store-credentials-rejected",
  XAdminUserNotFound: "store-credentials-rejected",
  RequestTimeTooSkewed: "store-credentials-rejected",
  RequestExpired: "store-credentials-rejected",
  ExpiredToken: "store-credentials-expired",
  ExpiredTokenException: "store-credentials-expired",
  TokenRefreshRequired: "store-credentials-expired",
  CredentialsProviderError: "store-credentials-missing",
  TokenProviderError: "store-credentials-missing",
  ProviderError: "store-credentials-missing",
  PermanentRedirect: "store-wrong-region",
  TemporaryRedirect: "store-wrong-region",
  IllegalLocationConstraintException: "store-wrong-region",
  NoSuchBucket: "bucket-not-found",
  NoSuchKey: "object-not-found",
  NoSuchVersion: "object-not-found",
};

/** A success that a web server of any kind could have sent. */
export function foreignAnswer({ operation, bucket, key }: StoreCall): ActionError {
  return new ActionError(
    "store-refused",
    `could not ${operations[operation].doing} s3://${bucket}/${key}: the answer is not that of an S3 store`,
    { hint: foreignHint },
  );
}

const foreignHint = "look at s3-endpoint, and at proxies before the store: something else answers there";

/** `error` of the S3 client in the user's words; its own message is kept as the cause only. `cancelled` for an aborted call. */
export function describeStoreError(error: unknown, call: StoreCall): ActionError {
  if (error instanceof ActionError) return error;
  const failure = readFailure(error);
  const code = findCode(failure, call);
  const { doing } = operations[call.operation];
  const message = `could not ${doing} s3://${call.bucket}/${call.key}: ${renderReason(code, failure, call)}`;
  const hint = findHint(code, failure, call);
  return new ActionError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
}

function findCode(failure: StoreFailure, call: StoreCall): ErrorCode {
  const { status, name } = failure;
  if (name === "AbortError") return "cancelled";
  const known = codeOfName[name];
  if (known !== undefined) return known;
  if (status === undefined)
    return name === "TimeoutError" || failure.errno !== undefined ? "store-unreachable" : "store-refused";
  if (name === "AuthorizationHeaderMalformed")
    return failure.region === undefined ? "store-credentials-rejected" : "store-wrong-region";
  // HEAD answers have no body: the header with the right region is all there is.
  const elsewhere = failure.region !== undefined && failure.region !== call.region;
  if (status === 301 || status === 307 || (status === 400 && elsewhere)) return "store-wrong-region";
  if (status === 401) return "store-credentials-rejected";
  if (status === 403) return "store-access-denied";
  // S3Mock answers 304 where AWS answers 412.
  const creates = call.operation === "PutObject" || call.operation === "CompleteMultipartUpload";
  if (creates && (status === 412 || status === 304)) return "object-exists";
  return "store-refused";
}

function renderReason(code: ErrorCode, failure: StoreFailure, call: StoreCall): string {
  const answer = `the store answered ${renderAnswer(failure)}`;
  switch (code) {
    case "cancelled":
      return "the run was cancelled";
    case "store-unreachable":
      return `${call.host} cannot be reached (${failure.errno ?? "timed out"})`;
    case "store-credentials-missing":
      return "no AWS credentials were found";
    case "store-credentials-expired":
      return `the credentials have expired (${renderAnswer(failure)})`;
    case "store-credentials-rejected":
      return `the store does not accept the credentials (${renderAnswer(failure)})`;
    case "store-wrong-region":
      return failure.region === undefined
        ? `the bucket is not in region ${call.region} (${renderAnswer(failure)})`
        : `the bucket is in region ${failure.region}, not in ${call.region}`;
    case "bucket-not-found":
      return `there is no bucket ${call.bucket}`;
    case "object-not-found":
      return "there is no such object";
    case "object-exists":
      return "an object with this key is there already";
    case "store-access-denied":
      return `${operations[call.operation].action} is denied (${renderAnswer(failure)})`;
    default:
      return failure.status === undefined ? `the S3 client failed (${failure.name})` : answer;
  }
}

function renderAnswer(failure: StoreFailure): string {
  const unnamed = ["Error", "Unknown", "UnknownError", "NotFound", "Forbidden", "BadRequest"].includes(failure.name);
  return [...(failure.status === undefined ? [] : [String(failure.status)]), ...(unnamed ? [] : [failure.name])].join(
    " ",
  );
}

function findHint(code: ErrorCode, failure: StoreFailure, call: StoreCall): string | undefined {
  const { action } = operations[call.operation];
  switch (code) {
    case "store-unreachable":
      return findConnectionHint(failure, call);
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
    case "store-access-denied": {
      const looks = call.operation === "HeadObject";
      const lists = call.operation === "ListObjects" || call.operation === "ListMultipartUploads";
      return [
        `grant ${action} on arn:aws:s3:::${call.bucket}${lists ? "" : `/${call.key}`}`,
        ...(looks
          ? [`and s3:ListBucket on arn:aws:s3:::${call.bucket}: without it a missing object is refused too`]
          : []),
      ].join(", ");
    }
    case "object-exists":
      return "objects are never overwritten; run the backup again, it takes a name of its own";
    case "store-refused":
      if (failure.name === "NoSuchUpload")
        return "something else ended the upload; look for lifecycle rules of the bucket";
      if (failure.status === 501 || /checksum|digest|InvalidPart/i.test(failure.name))
        return "if the store knows no checksums of AWS, set s3-checksums: when-required";
      // A store says what it is that is not there.
      if (failure.status === 404) return foreignHint;
      return (failure.status ?? 0) >= 500 ? "the store is in trouble; run again later" : undefined;
    default:
      return undefined;
  }
}

function findCredentialsHint(failure: StoreFailure, call: StoreCall): string {
  const [id, secret, token] = call.credentialsGiven
    ? ["s3-access-key-id", "s3-secret-access-key", "s3-session-token"]
    : ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
  if (failure.name === "SignatureDoesNotMatch") return `look at ${secret}: it does not belong to ${id}`;
  if (failure.name === "RequestTimeTooSkewed" || failure.name === "RequestExpired")
    return "set the clock of the runner: it is more than 15 minutes away from the store's";
  if (failure.name === "InvalidToken") return `look at ${token}: it does not belong to ${id}`;
  return `look at ${id} and ${secret}: this store does not know the key`;
}

function findConnectionHint(failure: StoreFailure, call: StoreCall): string {
  const errno = failure.errno ?? "";
  if (errno === "ERR_TLS_CERT_ALTNAME_INVALID")
    return call.bucket.includes(".")
      ? "the certificate is for another name: a bucket name with dots needs s3-force-path-style: true"
      : "the certificate is for another name: look at s3-endpoint and s3-force-path-style";
  if (/CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/.test(errno))
    return "the certificate is not trusted: give the store's CA as a file in NODE_EXTRA_CA_CERTS in env of the step";
  if (errno === "EPROTO" || errno.startsWith("ERR_SSL"))
    return "no TLS is spoken there: look at port and scheme of s3-endpoint";
  if (errno.startsWith("ERR_PROXY")) return "the proxy refused or is misconfigured: look at HTTPS_PROXY and NO_PROXY";
  // Some servers answer and close while a body is still being sent, which looks like a reset connection.
  if (errno === "ECONNRESET" || errno === "EPIPE")
    return "the connection was cut: look at s3-endpoint, proxies, and the store's log for a refusal";
  return "look at s3-endpoint and s3-region, and whether the runner may connect there (HTTPS_PROXY)";
}
