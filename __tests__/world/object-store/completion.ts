import { createHash } from "node:crypto";
import { checksumElementName, combineChecksums, createChecksum, parseAlgorithm, type Checksum } from "./checksums.ts";
import { readContent, wholeOf } from "./content.ts";
import { renderWritten } from "./object-headers.ts";
import { checkConditionSyntax, checkWriteConditions } from "./object-operations.ts";
import { S3Error } from "./s3-error.ts";
import { answerXml, receiveDocument, type Answer, type S3Request } from "./s3-request.ts";
import { addObject, discardSegments, type MultipartUpload, type ObjectVersion, type Part } from "./storage.ts";
import { readUpload } from "./upload-operations.ts";
import { findXmlRoot } from "./xml.ts";

interface ListedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksum: Checksum | undefined;
}

const partsMax = 10_000;

export async function completeUpload(request: S3Request): Promise<Answer> {
  checkConditionSyntax(request);
  const repeated = request.bucket.completed.get(request.query.get("uploadId") ?? "");
  const document = await receiveDocument(request);
  if (repeated?.key === request.key && !request.settings.quirks.has("forgets-completed"))
    return answerCompleted(repeated, request);
  const upload = readUpload(request);
  const parts = selectParts(upload, parsePartList(document), request.settings.minPartSizeBytes);
  const checksum = await computeChecksum(upload, parts);
  // No other request gets between these two and the new object: of several completions one wins.
  readUpload(request);
  checkWriteConditions(request);
  request.bucket.uploads.delete(upload.id);
  const unused = [...upload.parts.values()].filter((part) => !parts.includes(part));
  discardSegments(unused.map(({ segment }) => segment));
  const object = addObject(request.bucket, {
    key: upload.key,
    etag: `${createHash("md5")
      .update(Buffer.concat(parts.map(({ etag }) => Buffer.from(etag, "hex"))))
      .digest("hex")}-${parts.length}`,
    headers: upload.headers,
    checksum,
    checksumType: upload.checksumType,
    modifiedMs: request.nowMs,
    segments: parts.map(({ segment }) => segment),
  });
  request.bucket.completed.set(upload.id, object);
  return answerCompleted(object, request);
}

function answerCompleted(object: ObjectVersion, request: S3Request): Answer {
  const { checksum } = object;
  return answerXml(
    "CompleteMultipartUploadResult",
    [
      ["Location", request.location],
      ["Bucket", request.bucket.options.name],
      ["Key", object.key],
      ["ETag", request.settings.quirks.has("empty-etag-on-complete") ? "" : `"${object.etag}"`],
      ...(checksum === undefined
        ? []
        : ([
            [checksumElementName(checksum.algorithm), checksum.value],
            ["ChecksumType", object.checksumType],
          ] as const)),
    ],
    renderWritten(object, request),
  );
}

/** Throws MalformedXML. */
function parsePartList(document: string): ListedPart[] {
  const malformed = () =>
    new S3Error(
      "MalformedXML",
      "The XML you provided was not well-formed or did not validate against our published schema",
    );
  const root = findXmlRoot(document);
  if (root?.name !== "CompleteMultipartUpload" || root.children.length === 0 || root.children.length > partsMax)
    throw malformed();
  return root.children.map((element) => {
    const fields = new Map(element.children.map(({ name, text }) => [name, text.trim()]));
    const number = fields.get("PartNumber");
    const etag = fields.get("ETag");
    if (element.name !== "Part" || !/^\d{1,5}$/.test(number ?? "") || etag === undefined) throw malformed();
    const [checksum] = [...fields].filter(([name]) => name.startsWith("Checksum"));
    return {
      number: Number(number),
      etag: etag.replaceAll('"', ""),
      checksum: checksum && { algorithm: parseAlgorithm(checksum[0].slice("Checksum".length)), value: checksum[1] },
    };
  });
}

/** Throws InvalidPartOrder, InvalidPart, InvalidRequest or EntityTooSmall. */
function selectParts(upload: MultipartUpload, listed: readonly ListedPart[], minPartSizeBytes: number): Part[] {
  if (listed.some(({ number }, index) => number <= (listed[index - 1]?.number ?? 0)))
    throw new S3Error(
      "InvalidPartOrder",
      "The list of parts was not in ascending order. Parts must be ordered by part number.",
      { fields: { UploadId: upload.id } },
    );
  const parts = listed.map((wanted) => findPart(upload, wanted));
  const small = parts.slice(0, -1).find(({ segment }) => segment.sizeBytes < minPartSizeBytes);
  if (small !== undefined)
    throw new S3Error("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size", {
      fields: {
        ProposedSize: String(small.segment.sizeBytes),
        MinSizeAllowed: String(minPartSizeBytes),
        PartNumber: String(small.number),
        ETag: small.etag,
      },
    });
  return parts;
}

function findPart(upload: MultipartUpload, wanted: ListedPart): Part {
  const part = upload.parts.get(wanted.number);
  if (upload.checksumAlgorithm !== undefined && wanted.checksum?.algorithm !== upload.checksumAlgorithm)
    throw new S3Error(
      "InvalidRequest",
      `The upload was created using a ${upload.checksumAlgorithm} checksum. The complete request must include the checksum ` +
        `for each part. It was missing for part ${wanted.number} in the request.`,
    );
  // A checksum that no CreateMultipartUpload asked for is taken for a wrong one, as versitygw does.
  const confirmed =
    wanted.checksum === undefined ||
    (upload.checksumAlgorithm !== undefined && wanted.checksum.value === part?.checksum?.value);
  if (part?.etag === wanted.etag && confirmed) return part;
  throw new S3Error(
    "InvalidPart",
    "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    { fields: { UploadId: upload.id, PartNumber: String(wanted.number), ETag: wanted.etag } },
  );
}

async function computeChecksum(upload: MultipartUpload, parts: readonly Part[]): Promise<Checksum | undefined> {
  const algorithm = upload.checksumAlgorithm;
  if (algorithm === undefined) return undefined;
  if (upload.checksumType === "COMPOSITE")
    return combineChecksums(
      algorithm,
      parts.flatMap(({ checksum }) => (checksum === undefined ? [] : [checksum.value])),
    );
  const sum = createChecksum(algorithm);
  for await (const chunk of readContent(wholeOf(parts.map(({ segment }) => segment)))) sum.update(chunk);
  return { algorithm, value: sum.digest().toString("base64") };
}
