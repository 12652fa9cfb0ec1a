import { createHash } from "node:crypto";
import { checksumHeaderName, type Checksum } from "./checksums.ts";
import { sizeOf } from "./content.ts";
import { S3Error } from "./s3-error.ts";
import type { Headers, S3Request } from "./s3-request.ts";
import type { Encryption, ObjectHeaders, ObjectVersion } from "./storage.ts";

const standardNames = ["content-type", "content-disposition", "content-encoding", "content-language", "cache-control"];
const metadataPrefix = "x-amz-meta-";
/** "User-defined metadata is limited to 2 KB in size": UTF-8 bytes of names and values. */
const metadataMaxBytes = 2048;

/** Throws MetadataTooLarge or InvalidEncryptionAlgorithmError. */
export function readObjectHeaders(request: S3Request): ObjectHeaders {
  const standard = new Map(standardNames.flatMap((name): [string, string][] => entriesOf(request, name)));
  const metadata = new Map(
    [...request.headers]
      .filter(([name]) => name.startsWith(metadataPrefix))
      .map(([name, value]): [string, string] => [name.slice(metadataPrefix.length), value]),
  );
  const sizeBytes = Buffer.byteLength([...metadata].flat().join(""));
  if (sizeBytes > metadataMaxBytes)
    throw new S3Error("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", {
      fields: { Size: String(sizeBytes), MaxSizeAllowed: String(metadataMaxBytes) },
    });
  return { standard, metadata, encryption: readEncryption(request) };
}

/** The headers that answers to a GET and a HEAD have in common. */
export function renderObjectHeaders(object: ObjectVersion, request: S3Request): Headers {
  const { headers, checksum } = object;
  return {
    "Accept-Ranges": "bytes",
    "content-type": "binary/octet-stream",
    ...Object.fromEntries(headers.standard),
    ...Object.fromEntries([...headers.metadata].map(([name, value]) => [`${metadataPrefix}${name}`, value])),
    ETag: `"${object.etag}"`,
    "Last-Modified": new Date(object.modifiedMs).toUTCString(),
    ...renderVersion(request, object.versionId),
    ...renderEncryption(headers.encryption),
    ...(request.headers.get("x-amz-checksum-mode") === "ENABLED" && !request.headers.has("range")
      ? renderChecksum(checksum, object.checksumType)
      : {}),
  };
}

/** What the answer to a write confirms of the object. */
export function renderWritten(object: ObjectVersion, request: S3Request): Headers {
  return {
    ...renderVersion(request, object.versionId),
    ...renderEncryption(object.headers.encryption),
  };
}

export function renderEncryption(encryption: Encryption | undefined): Headers {
  if (encryption === undefined) return {};
  const keyId = encryption.kmsKeyId;
  return {
    "x-amz-server-side-encryption": encryption.algorithm,
    ...(keyId === undefined ? {} : { "x-amz-server-side-encryption-aws-kms-key-id": keyId }),
  };
}

export function renderChecksum(checksum: Checksum | undefined, type: "COMPOSITE" | "FULL_OBJECT"): Headers {
  if (checksum === undefined) return {};
  return { [checksumHeaderName(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": type };
}

/** The MD5 of what is stored; with a KMS key it is not: "Object" of the S3 API reference on ETag. */
export function createEtag(md5: string, encryption: Encryption | undefined): string {
  if (encryption === undefined || encryption.algorithm === "AES256") return md5;
  return createHash("md5")
    .update(`${encryption.kmsKeyId ?? ""} ${md5}`)
    .digest("hex");
}

export function objectSize(object: ObjectVersion): number {
  return sizeOf(object.segments);
}

function renderVersion({ bucket }: S3Request, versionId: string): Headers {
  const { versioning, objectLock } = bucket.options;
  return versioning === undefined && objectLock !== true ? {} : { "x-amz-version-id": versionId };
}

function readEncryption(request: S3Request): Encryption | undefined {
  if (request.settings.quirks.has("ignores-encryption")) return undefined;
  const algorithm = request.headers.get("x-amz-server-side-encryption");
  const kmsKeyId = request.headers.get("x-amz-server-side-encryption-aws-kms-key-id");
  // Since 2023 S3 encrypts everything with keys of its own, and says so.
  if (algorithm === undefined || algorithm === "AES256") return { algorithm: "AES256" };
  if (algorithm === "aws:kms" || algorithm === "aws:kms:dsse")
    return {
      algorithm,
      kmsKeyId: kmsKeyId ?? `arn:aws:kms:${request.bucket.options.region}:${request.bucket.options.owner}:key/default`,
    };
  throw new S3Error(
    "InvalidEncryptionAlgorithmError",
    "The encryption request you specified is not valid. Supported value: AES256.",
    { fields: { ArgumentName: "x-amz-server-side-encryption", ArgumentValue: algorithm } },
  );
}

function entriesOf(request: S3Request, name: string): [string, string][] {
  const value = request.headers.get(name);
  return value === undefined ? [] : [[name, value]];
}
