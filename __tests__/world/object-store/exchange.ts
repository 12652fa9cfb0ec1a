import { checkAllowed, type Account } from "./accounts.ts";
import { getBucketLocation, getBucketVersioning, headBucket } from "./bucket-operations.ts";
import { completeUpload } from "./completion.ts";
import { damageStored, isTampering } from "./damage.ts";
import { renderErrorAnswer } from "./error-answer.ts";
import type { FaultAction, FaultList } from "./faults.ts";
import { listMultipartUploads, listObjects, listObjectVersions } from "./listing.ts";
import { getObject, putObject, removeObject, removeObjects } from "./object-operations.ts";
import { checkParameters, findAction, findOperation, type OperationName } from "./operation.ts";
import { findParameter, type RequestTarget } from "./request-target.ts";
import type { LoggedRequest } from "./request-log.ts";
import { notImplemented, S3Error } from "./s3-error.ts";
import type { Answer, S3Request, StoreSettings } from "./s3-request.ts";
import { verifyRequest, type VerifiedRequest } from "./signature.ts";
import type { Bucket, Storage } from "./storage.ts";
import { abortUpload, createUpload, listParts, uploadPart } from "./upload-operations.ts";

export interface StoreWorld {
  readonly storage: Storage;
  readonly settings: StoreSettings;
  readonly accounts: ReadonlyMap<string, Account>;
  readonly faults: FaultList;
}

/** A request before anything of it was checked. */
export interface IncomingRequest {
  readonly method: string;
  readonly target: RequestTarget;
  readonly headers: ReadonlyMap<string, string>;
  readonly nowMs: number;
  openBody(fault: FaultAction | undefined): AsyncIterable<Uint8Array>;
}

/** What the server does about a request; without `answer` it says nothing. */
export interface Outcome {
  readonly answer: Answer | undefined;
  readonly fault: FaultAction | undefined;
}

const handlers: Readonly<Record<OperationName, (request: S3Request) => Answer | Promise<Answer>>> = {
  HeadBucket: headBucket,
  ListObjectsV2: listObjects,
  ListObjectVersions: listObjectVersions,
  ListMultipartUploads: listMultipartUploads,
  GetBucketVersioning: getBucketVersioning,
  GetBucketLocation: getBucketLocation,
  DeleteObjects: removeObjects,
  PutObject: putObject,
  HeadObject: getObject,
  GetObject: getObject,
  DeleteObject: removeObject,
  CreateMultipartUpload: createUpload,
  UploadPart: uploadPart,
  ListParts: listParts,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
};

/** Headers of S3 that mean something here; another `x-amz-*` asks for a thing that would silently not happen. */
const knownHeader =
  /^x-amz-(date|content-sha256|security-token|user-agent|expected-bucket-owner|mp-object-size|meta-.*|sdk-checksum-algorithm|checksum-.*|server-side-encryption|server-side-encryption-aws-kms-key-id|server-side-encryption-bucket-key-enabled)$/;
const keyMaxBytes = 1024;

/** Verifies a request and does what it asks. Throws S3Error; `entry` learns what was found out on the way. */
export async function handleRequest(
  world: StoreWorld,
  incoming: IncomingRequest,
  entry: LoggedRequest,
): Promise<Outcome> {
  const { target, nowMs } = incoming;
  const operation = findOperation(incoming.method, target);
  const bucket = target.bucket === undefined ? undefined : world.storage.findBucket(target.bucket);
  const verified = verify(world, incoming, bucket, operation);
  if (operation === undefined) throw notImplemented(`${incoming.method} ${target.query[0]?.name ?? ""}`.trim());
  if (bucket === undefined)
    throw new S3Error("NoSuchBucket", "The specified bucket does not exist", {
      fields: { BucketName: target.bucket ?? "" },
    });
  const headers = verified.presigned ? withHoistedHeaders(incoming) : incoming.headers;
  checkHeaders(world.settings, headers, bucket);
  checkParameters(operation, target);
  const key = target.key ?? "";
  if (Buffer.byteLength(key) > keyMaxBytes)
    throw new S3Error("KeyTooLongError", "Your key is too long", {
      fields: { Size: String(Buffer.byteLength(key)), MaxSizeAllowed: String(keyMaxBytes) },
    });
  checkPermission(verified, operation, target, bucket);
  const fault = world.faults.take(operation, key);
  entry.fault = fault?.kind;
  const early = findAnswerBefore(fault);
  if (early !== undefined) return early;
  const request: S3Request = {
    operation,
    storage: world.storage,
    settings: world.settings,
    bucket,
    key,
    query: new Map(target.query.map(({ name, value }) => [name, value])),
    headers,
    account: verified.account,
    nowMs,
    payloadSha256: verified.payloadSha256,
    location: `https://${headers.get("host") ?? ""}${target.path}`,
    openBody: () => incoming.openBody(fault),
  };
  if (isTampering(fault) && incoming.method === "GET") await damageStored(request, fault);
  const answer = await handlers[operation](request);
  if (isTampering(fault) && incoming.method !== "GET") await damageStored(request, fault);
  return { answer: findAnswerAfter(fault, answer), fault };
}

/** A HEAD has no body to name the right region in, so S3 has a header for it. */
function verify(
  world: StoreWorld,
  incoming: IncomingRequest,
  bucket: Bucket | undefined,
  operation: OperationName | undefined,
): VerifiedRequest {
  const { method, target, headers, nowMs } = incoming;
  try {
    return verifyRequest(
      { method, path: target.path, query: target.query, headers },
      { accounts: world.accounts, nowMs, region: bucket?.options.region },
    );
  } catch (error) {
    if (!(error instanceof S3Error) || error.fields["Region"] === undefined || method !== "HEAD") throw error;
    throw new S3Error(operation === "HeadBucket" ? "PermanentRedirect" : error.code, error.message, {
      headers: { "x-amz-bucket-region": error.fields["Region"] },
    });
  }
}

/** In a presigned URL the query stands for headers: `x-amz-meta-nonce`, `x-amz-expected-bucket-owner`. */
function withHoistedHeaders({ headers, target }: IncomingRequest): ReadonlyMap<string, string> {
  const signing = /^X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature)$/;
  return new Map([
    ...target.query
      .filter(({ name }) => name.toLowerCase().startsWith("x-amz-") && !signing.test(name))
      .map(({ name, value }): [string, string] => [name.toLowerCase(), value]),
    ...headers,
  ]);
}

function checkHeaders(settings: StoreSettings, headers: ReadonlyMap<string, string>, bucket: Bucket): void {
  for (const name of headers.keys()) {
    if (name.startsWith("x-amz-") && !knownHeader.test(name)) throw notImplemented(name);
    if (settings.quirks.has("refuses-checksums") && /^x-amz-(sdk-)?checksum-(?!mode)/.test(name))
      throw notImplemented(name);
  }
  const owner = headers.get("x-amz-expected-bucket-owner");
  if (owner === undefined) return;
  if (!/^\d{12}$/.test(owner))
    throw new S3Error(
      "InvalidBucketOwnerAWSAccountID",
      "The value of the expected bucket owner parameter must be an AWS account ID.",
      { fields: { BucketOwner: owner } },
    );
  if (owner !== bucket.options.owner) throw new S3Error("AccessDenied", "Access Denied");
}

/** DeleteObjects asks for each of its keys by itself. */
function checkPermission(
  { account }: VerifiedRequest,
  operation: OperationName,
  target: RequestTarget,
  bucket: Bucket,
): void {
  if (operation === "DeleteObjects") return;
  const action = findAction(operation, findParameter(target.query, "versionId") !== undefined);
  const key = target.key ?? findParameter(target.query, "prefix");
  checkAllowed(account, action, { bucket: bucket.options.name, key });
}

function findAnswerBefore(fault: FaultAction | undefined): Outcome | undefined {
  switch (fault?.kind) {
    case "answer":
      if (fault.when === "after") return undefined;
      return { answer: renderErrorAnswer(fault), fault };
    case "error-in-200":
      return { answer: renderErrorAnswer({ ...fault, status: 200 }), fault };
    case "reset":
    case "hang":
      return fault.when === "before" ? { answer: undefined, fault } : undefined;
    default:
      return undefined;
  }
}

function findAnswerAfter(fault: FaultAction | undefined, answer: Answer): Answer | undefined {
  if (fault?.kind === "answer") return renderErrorAnswer(fault);
  return fault?.kind === "reset" || fault?.kind === "hang" ? undefined : answer;
}
