import type { Account } from "./accounts.ts";
import { receiveFile, receiveText, parseBodyClaims, type ReceivedFile } from "./body.ts";
import type { ContentRange } from "./content.ts";
import type { OperationName } from "./operation.ts";
import { invalidArgument, S3Error } from "./s3-error.ts";
import type { Bucket, Storage } from "./storage.ts";
import { renderXml, type XmlContent } from "./xml.ts";

/** Ways in which stores that are not AWS differ. */
export type StoreQuirk =
  /** RADOS gateway 16 on Complete, garage on both. */
  | "ignores-if-none-match"
  /** 501 to any checksum, as R2 did. */
  | "refuses-checksums"
  /** versitygw, garage: the header is taken, nothing is encrypted, and no answer speaks of it. */
  | "ignores-encryption"
  /** RADOS gateway 16. */
  | "empty-etag-on-complete"
  /** MinIO, S3Mock: a completion that is sent again finds no upload; AWS and the others answer it like the first one. */
  | "forgets-completed";

export interface StoreSettings {
  readonly quirks: ReadonlySet<StoreQuirk>;
  readonly minPartSizeBytes: number;
}

/** A verified and allowed request. */
export interface S3Request {
  readonly operation: OperationName;
  readonly storage: Storage;
  readonly settings: StoreSettings;
  readonly bucket: Bucket;
  /** Empty for operations on buckets. */
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  /** Names in lower case; what a presigned URL has in its query instead is here too. */
  readonly headers: ReadonlyMap<string, string>;
  readonly account: Account;
  readonly nowMs: number;
  readonly payloadSha256: string | undefined;
  /** Host and path, for answers that name the object's address. */
  readonly location: string;
  openBody(): AsyncIterable<Uint8Array>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | ContentRange;
}

export type Headers = Readonly<Record<string, string>>;

export function answerXml(name: string, content: XmlContent, headers: Headers = {}): Answer {
  return { status: 200, headers: { "Content-Type": "application/xml", ...headers }, body: renderXml(name, content) };
}

export function receiveObject(request: S3Request): Promise<ReceivedFile> {
  const claims = parseBodyClaims(request.headers, request.payloadSha256);
  if (request.bucket.options.objectLock === true && claims.md5 === undefined && claims.checksum === undefined) {
    const what = request.operation === "UploadPart" ? "Put Part" : "Put Object";
    throw new S3Error(
      "InvalidRequest",
      `Content-MD5 OR x-amz-checksum- HTTP header is required for ${what} requests with Object Lock parameters`,
    );
  }
  return receiveFile(request.openBody(), claims, request.storage.createPath());
}

export function receiveDocument(request: S3Request): Promise<string> {
  return receiveText(request.openBody(), parseBodyClaims(request.headers, request.payloadSha256));
}

/** A whole number of the query; throws InvalidArgument. */
export function readCount(
  request: S3Request,
  name: string,
  limits: { readonly absent: number; readonly min: number; readonly max: number },
): number {
  const text = request.query.get(name);
  if (text === undefined || text === "") return limits.absent;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (value < limits.min || value > limits.max)
    throw invalidArgument(
      name,
      text,
      name === "partNumber"
        ? `Part number must be an integer between ${limits.min} and ${limits.max}, inclusive`
        : `Argument ${name} must be an integer between ${limits.min} and ${limits.max}`,
    );
  return value;
}
