import { checksumElementName, parseAlgorithm, type ChecksumAlgorithm } from "./checksums.ts";
import { createEtag, readObjectHeaders, renderChecksum, renderEncryption } from "./object-headers.ts";
import { notImplemented, S3Error } from "./s3-error.ts";
import { answerXml, readCount, receiveObject, type Answer, type S3Request } from "./s3-request.ts";
import { discardSegments, type MultipartUpload } from "./storage.ts";
import type { XmlElement } from "./xml.ts";

const partNumberMax = 10_000;

export function createUpload(request: S3Request): Answer {
  refuseConditions(request);
  const named = request.headers.get("x-amz-checksum-algorithm");
  const checksumAlgorithm = named === undefined ? undefined : parseAlgorithm(named);
  const upload: MultipartUpload = {
    id: request.storage.createUploadId(),
    key: request.key,
    initiatedMs: request.nowMs,
    accessKeyId: request.account.accessKeyId,
    headers: readObjectHeaders(request),
    checksumAlgorithm,
    checksumType: readChecksumType(request, checksumAlgorithm),
    parts: new Map(),
  };
  request.bucket.uploads.set(upload.id, upload);
  return answerXml(
    "InitiateMultipartUploadResult",
    [
      ["Bucket", request.bucket.options.name],
      ["Key", request.key],
      ["UploadId", upload.id],
    ],
    {
      ...renderEncryption(upload.headers.encryption),
      ...(checksumAlgorithm === undefined
        ? {}
        : {
            "x-amz-checksum-algorithm": checksumAlgorithm.toUpperCase(),
            "x-amz-checksum-type": upload.checksumType,
          }),
    },
  );
}

export async function uploadPart(request: S3Request): Promise<Answer> {
  refuseConditions(request);
  const number = readCount(request, "partNumber", { absent: 0, min: 1, max: partNumberMax });
  const upload = readUpload(request);
  const file = await receiveObject(request);
  const segment = { path: file.path, sizeBytes: file.sizeBytes };
  try {
    // The upload may have been aborted or completed while the part was on its way.
    readUpload(request);
    checkPartAlgorithm(upload, file.checksum?.algorithm);
  } catch (error) {
    discardSegments([segment]);
    throw error;
  }
  const replaced = upload.parts.get(number);
  if (replaced !== undefined) discardSegments([replaced.segment]);
  const etag = createEtag(file.md5, upload.headers.encryption);
  upload.parts.set(number, { number, etag, checksum: file.checksum, modifiedMs: request.nowMs, segment });
  const { "x-amz-checksum-type": _, ...checksum } = renderChecksum(file.checksum, upload.checksumType);
  return { status: 200, headers: { ETag: `"${etag}"`, ...renderEncryption(upload.headers.encryption), ...checksum } };
}

export function listParts(request: S3Request): Answer {
  const upload = readUpload(request);
  const maxParts = Math.min(readCount(request, "max-parts", { absent: 1000, min: 0, max: 2 ** 31 - 1 }), 1000);
  const marker = readCount(request, "part-number-marker", { absent: 0, min: 0, max: 2 ** 31 - 1 });
  const rest = [...upload.parts.values()].filter((part) => part.number > marker).sort((a, b) => a.number - b.number);
  const page = rest.slice(0, maxParts);
  return answerXml("ListPartsResult", [
    ["Bucket", request.bucket.options.name],
    ["Key", upload.key],
    ["UploadId", upload.id],
    ["StorageClass", "STANDARD"],
    ["PartNumberMarker", marker],
    ["NextPartNumberMarker", page.at(-1)?.number ?? marker],
    ["MaxParts", maxParts],
    ["IsTruncated", rest.length > page.length],
    ...(upload.checksumAlgorithm === undefined
      ? []
      : ([["ChecksumAlgorithm", upload.checksumAlgorithm.toUpperCase()]] satisfies XmlElement[])),
    ...page.map((part): XmlElement => [
      "Part",
      [
        ["PartNumber", part.number],
        ["LastModified", new Date(part.modifiedMs).toISOString()],
        ["ETag", `"${part.etag}"`],
        ["Size", part.segment.sizeBytes],
        ...(part.checksum === undefined
          ? []
          : ([[checksumElementName(part.checksum.algorithm), part.checksum.value]] satisfies XmlElement[])),
      ],
    ]),
  ]);
}

export function abortUpload(request: S3Request): Answer {
  const upload = readUpload(request);
  request.bucket.uploads.delete(upload.id);
  discardSegments([...upload.parts.values()].map(({ segment }) => segment));
  return { status: 204, headers: {} };
}

/** Throws NoSuchUpload, also for an upload of another key. */
export function readUpload({ bucket, key, query }: S3Request): MultipartUpload {
  const id = query.get("uploadId") ?? "";
  const upload = bucket.uploads.get(id);
  if (upload?.key === key) return upload;
  throw new S3Error(
    "NoSuchUpload",
    "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    { fields: { UploadId: id } },
  );
}

/** "Conditional writes" of the S3 user guide: on PutObject and CompleteMultipartUpload only. */
function refuseConditions({ headers }: S3Request): void {
  for (const name of ["if-none-match", "if-match"]) if (headers.has(name)) throw notImplemented(name);
}

function checkPartAlgorithm(upload: MultipartUpload, algorithm: ChecksumAlgorithm | undefined): void {
  if (upload.checksumAlgorithm === undefined || upload.checksumAlgorithm === algorithm) return;
  throw new S3Error(
    "InvalidRequest",
    `Checksum Type mismatch occurred, expected checksum Type: ${upload.checksumAlgorithm}, actual checksum Type: ${algorithm ?? "null"}`,
  );
}

function readChecksumType(request: S3Request, algorithm: ChecksumAlgorithm | undefined): "COMPOSITE" | "FULL_OBJECT" {
  const type = request.headers.get("x-amz-checksum-type") ?? "COMPOSITE";
  if (type === "COMPOSITE") return type;
  // Hashes of parts cannot be joined to a hash of the whole; CRCs can.
  if (type === "FULL_OBJECT" && (algorithm === "crc32" || algorithm === "crc32c")) return type;
  throw new S3Error(
    "InvalidRequest",
    `The ${type} checksum type cannot be used with the ${algorithm ?? "null"} checksum algorithm.`,
  );
}
