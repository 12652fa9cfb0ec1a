import { ActionError, type ErrorCode, type ErrorDetails } from "../../errors.ts";
import { readFailure, type StoreFailure } from "./failure.ts";
import { findHint, foreignHint } from "./hints.ts";

/** The operations asked of the store, and the IAM action that allows each. */
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
  ListObjectVersions: { doing: "list the versions of", action: "s3:ListBucketVersions" },
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
  /** Settings that the user has made already, so that no hint advises them. */
  readonly inForce: {
    /** Requests carry a checksum of the SDK. */
    readonly checksums: boolean;
    readonly pathStyle: boolean;
    readonly encryption: string | undefined;
    readonly extraAuthorities: boolean;
  };
}

/** A failure of a call of the store, with what the store said. */
export class StoreError extends ActionError {
  readonly failure: StoreFailure;

  constructor(code: ErrorCode, message: string, details: ErrorDetails & { readonly failure: StoreFailure }) {
    super(code, message, details);
    this.failure = details.failure;
  }
}

/** S3 codes that say what the status alone does not; servers differ in both, observed on AWS, RADOS gateway, versitygw, Garage, MinIO. */
const codeOfName: Readonly<Record<string, ErrorCode>> = {
  InvalidAccessKeyId: "store-credentials-rejected",
  InvalidClientTokenId: "store-credentials-rejected",
  AccessKeyDisabled: "store-credentials-rejected",
  SignatureDoesNotMatch: "store-credentials-rejected",
  InvalidToken: "store-credentials-rejected",
  InvalidSecurity: "store-credentials-rejected",
  NotSignedUp: "store-credentials-rejected",
  XAdminUserNotFound: "store-credentials-rejected",
  RequestTimeTooSkewed: "store-credentials-rejected",
  RequestExpired: "store-credentials-rejected",
  ExpiredToken: "store-credentials-expired",
  ExpiredTokenException: "store-credentials-expired",
  TokenExpired: "store-credentials-expired",
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

/** The name of the error for an answer of no store, where the SDK would take it for one. */
export const foreignName = "ForeignAnswer";

/** A success that a web server of any kind could have sent. */
export function foreignAnswer({ operation, bucket, key }: StoreCall): ActionError {
  return new ActionError(
    "store-refused",
    `could not ${operations[operation].doing} s3://${bucket}/${key}: the answer is not that of an S3 store`,
    { hint: foreignHint },
  );
}

/** `error` of the S3 client in the user's words; its own message is kept as the cause only. */
export function describeStoreError(error: unknown, call: StoreCall): ActionError {
  if (error instanceof ActionError) return error;
  const failure = readFailure(error);
  if (failure.name === foreignName) return foreignAnswer(call);
  const code = findCode(failure, call);
  const { doing, action } = operations[call.operation];
  const message = `could not ${doing} s3://${call.bucket}/${call.key}: ${renderReason(code, failure, call)}`;
  const hint = findHint(code, failure, call, action);
  return new StoreError(code, message, { cause: error, failure, ...(hint === undefined ? {} : { hint }) });
}

function findCode(failure: StoreFailure, call: StoreCall): ErrorCode {
  const { status, name } = failure;
  const known = codeOfName[name];
  if (known !== undefined) return known;
  if (status === undefined)
    return name === "TimeoutError" || failure.errno !== undefined ? "store-unreachable" : "store-refused";
  if (name === "AuthorizationHeaderMalformed")
    return failure.region === undefined ? "store-credentials-rejected" : "store-wrong-region";
  // HEAD answers have no body: the header with the right region is all there is.
  const elsewhere = failure.region !== undefined && failure.region !== call.region;
  if (status === 301 || status === 307 || (status === 400 && elsewhere)) return "store-wrong-region";
  // A code that the store names says more than the class of its status: a full bucket is a 403 as well.
  if (status === 401 && isUnnamed(name)) return "store-credentials-rejected";
  if (status === 403 && (isUnnamed(name) || name === "AccessDenied")) return "store-access-denied";
  // S3Mock answers 304 where AWS answers 412.
  const creates = call.operation === "PutObject" || call.operation === "CompleteMultipartUpload";
  if (creates && (status === 412 || status === 304)) return "object-exists";
  if (isInTrouble(status, name)) return "store-unreachable";
  return call.operation === "GetObject" && withheld.test(name) ? "object-unreadable" : "store-refused";
}

/** Codes for an object that lies in an archive, or whose key is disabled or gone. */
const withheld = /^(?:InvalidObjectState$|KMS\.|Kms)/;

/** Codes that come with a 400 as well, also of a key service behind the store. */
const troubled = /Throttl|^(?:RequestTimeout|RequestLimitExceeded|SlowDown|ServiceUnavailable|InternalError)$/;

/**
 * Too many requests, and what a store or a proxy before it says while it starts, ends or is overloaded: the SDK has tried again
 * and again, and nothing is said of the object.
 */
function isInTrouble(status: number, name: string): boolean {
  return [408, 429, 500, 502, 503, 504].includes(status) || troubled.test(name);
}

function renderReason(code: ErrorCode, failure: StoreFailure, call: StoreCall): string {
  const answer = `the store answered ${renderAnswer(failure)}`;
  switch (code) {
    case "store-unreachable":
      if (failure.status !== undefined) return answer;
      return failure.name === "TimeoutError" || failure.errno === "ETIMEDOUT"
        ? `${call.host} does not answer, or too slowly (${failure.errno ?? "timed out"})`
        : `${call.host} cannot be reached (${failure.errno ?? "no answer"})`;
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
    case "object-unreadable":
      return `the store has the object, and does not give it (${renderAnswer(failure)})`;
    case "object-exists":
      return "an object with this key is there already";
    case "store-access-denied":
      return `${operations[call.operation].action} is denied (${renderAnswer(failure)})`;
    default:
      return failure.status === undefined ? `the S3 client failed (${failure.name})` : answer;
  }
}

function renderAnswer(failure: StoreFailure): string {
  return [
    ...(failure.status === undefined ? [] : [String(failure.status)]),
    ...(isUnnamed(failure.name) ? [] : [failure.name]),
  ].join(" ");
}

/** Names that the SDK, or a store, gives to a status alone. */
function isUnnamed(name: string): boolean {
  return ["Error", "Unknown", "UnknownError", "NotFound", "Forbidden", "BadRequest", "Unauthorized"].includes(name);
}
