import { isAllowed, checkAllowed } from "./accounts.ts";
import { wholeOf, type ContentRange } from "./content.ts";
import {
  createEtag,
  objectSize,
  readObjectHeaders,
  renderChecksum,
  renderObjectHeaders,
  renderWritten,
} from "./object-headers.ts";
import { invalidArgument, notImplemented, S3Error } from "./s3-error.ts";
import { answerXml, receiveDocument, receiveObject, type Answer, type S3Request } from "./s3-request.ts";
import {
  addObject,
  deleteObject,
  discardSegments,
  findCurrent,
  findVersion,
  keepsVersions,
  type ObjectVersion,
} from "./storage.ts";
import { findChildText, findXmlRoot, type XmlElement } from "./xml.ts";

export async function putObject(request: S3Request): Promise<Answer> {
  const headers = readObjectHeaders(request);
  checkConditionSyntax(request);
  const file = await receiveObject(request);
  const segments = [{ path: file.path, sizeBytes: file.sizeBytes }];
  try {
    // Only now: of several writers that began at once, the first to end wins, as on S3.
    checkWriteConditions(request);
  } catch (error) {
    discardSegments(segments);
    throw error;
  }
  const object = addObject(request.bucket, {
    key: request.key,
    etag: createEtag(file.md5, headers.encryption),
    headers,
    checksum: file.checksum,
    checksumType: "FULL_OBJECT",
    modifiedMs: request.nowMs,
    segments,
  });
  return {
    status: 200,
    headers: {
      ETag: `"${object.etag}"`,
      ...renderWritten(object, request),
      ...renderChecksum(object.checksum, object.checksumType),
    },
  };
}

/** For HEAD too: the server leaves out the body. */
export function getObject(request: S3Request): Answer {
  const object = readVersion(request);
  checkReadConditions(request, object);
  const headers = renderObjectHeaders(object, request);
  const range = findRange(request.headers.get("range"), object);
  if (range === undefined) return { status: 200, headers, body: wholeOf(object.segments) };
  return {
    status: 206,
    headers: { ...headers, "Content-Range": `bytes ${range.first}-${range.last}/${objectSize(object)}` },
    body: range,
  };
}

export function removeObject(request: S3Request): Answer {
  const versionId = request.query.get("versionId");
  const removed = deleteObject(request.bucket, request.key, versionId, request.nowMs);
  return {
    status: 204,
    headers: {
      ...(keepsVersions(request.bucket) && (removed ?? versionId) !== undefined
        ? { "x-amz-version-id": removed?.versionId ?? versionId ?? "" }
        : {}),
      ...(removed?.kind === "delete-marker" ? { "x-amz-delete-marker": "true" } : {}),
    },
  };
}

export async function removeObjects(request: S3Request): Promise<Answer> {
  const { headers, bucket } = request;
  if (!headers.has("content-md5") && ![...headers.keys()].some((name) => name.startsWith("x-amz-checksum-")))
    throw new S3Error("InvalidRequest", "Missing required header for this request: Content-MD5");
  const root = findXmlRoot(await receiveDocument(request));
  const objects = root?.children.filter(({ name }) => name === "Object") ?? [];
  if (root?.name !== "Delete" || objects.length === 0 || objects.length > 1000)
    throw new S3Error("MalformedXML", "The XML you provided was not well-formed or did not validate");
  const quiet = findChildText(root, "Quiet") === "true";
  const results = objects.flatMap((object): XmlElement[] => {
    const key = findChildText(object, "Key") ?? "";
    const versionId = findChildText(object, "VersionId");
    const named: XmlElement[] = [["Key", key], ...(versionId === undefined ? [] : [["VersionId", versionId] as const])];
    try {
      const action = versionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion";
      checkAllowed(request.account, action, { bucket: bucket.options.name, key });
      const removed = deleteObject(bucket, key, versionId, request.nowMs);
      if (quiet) return [];
      const marker: XmlElement[] =
        removed?.kind === "delete-marker"
          ? [
              ["DeleteMarker", true],
              ["DeleteMarkerVersionId", removed.versionId],
            ]
          : [];
      return [["Deleted", [...named, ...marker]]];
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      return [["Error", [...named, ["Code", error.code], ["Message", error.message]]]];
    }
  });
  return answerXml("DeleteResult", results);
}

/** S3 knows no other value than `*` for writes. */
export function checkConditionSyntax(request: S3Request): void {
  const condition = request.headers.get("if-none-match");
  if (condition !== undefined && condition !== "*") throw notImplemented("If-None-Match");
}

/** Throws PreconditionFailed; NoSuchKey when If-Match names an object that is not there. */
export function checkWriteConditions(request: S3Request): void {
  const { bucket, key, headers, settings } = request;
  const current = findCurrent(bucket, key);
  if (headers.has("if-none-match") && current !== undefined && !settings.quirks.has("ignores-if-none-match"))
    throw preconditionFailed("If-None-Match");
  const match = headers.get("if-match");
  if (match === undefined) return;
  if (current === undefined) throw missingKey(request);
  if (!namesEtag(match, current.etag)) throw preconditionFailed("If-Match");
}

function readVersion(request: S3Request): ObjectVersion {
  const { bucket, key, query } = request;
  const versionId = query.get("versionId");
  const version = findVersion(bucket, key, versionId);
  if (version?.kind === "object") return version;
  if (version?.kind === "delete-marker") {
    const headers = { "x-amz-delete-marker": "true", "x-amz-version-id": version.versionId };
    if (versionId === undefined) throw missingKey(request, headers);
    throw new S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.", {
      headers: { ...headers, Allow: "DELETE" },
    });
  }
  if (versionId === undefined) throw missingKey(request);
  if (versionId !== "null" && !/^[\w.]{32}$/.test(versionId))
    throw invalidArgument("versionId", versionId, "Invalid version id specified");
  throw new S3Error("NoSuchVersion", "The specified version does not exist.", {
    fields: { Key: key, VersionId: versionId },
  });
}

/**
 * Who may not list the bucket is not told whether a key exists. A permission with a condition on the prefix does not count:
 * the request has no prefix.
 */
function missingKey(request: S3Request, headers: Readonly<Record<string, string>> = {}): S3Error {
  const { account, bucket, key } = request;
  if (!isAllowed(account, "s3:ListBucket", { bucket: bucket.options.name, key: undefined }))
    return new S3Error("AccessDenied", "Access Denied");
  return new S3Error("NoSuchKey", "The specified key does not exist.", { fields: { Key: key }, headers });
}

function checkReadConditions({ headers }: S3Request, { etag }: ObjectVersion): void {
  const match = headers.get("if-match");
  if (match !== undefined && !namesEtag(match, etag)) throw preconditionFailed("If-Match");
  const noneMatch = headers.get("if-none-match");
  if (noneMatch !== undefined && namesEtag(noneMatch, etag))
    throw new S3Error("NotModified", "Not Modified", { headers: { ETag: `"${etag}"` } });
}

function namesEtag(condition: string, etag: string): boolean {
  return condition.split(",").some((entry) => ["*", etag].includes(entry.trim().replaceAll('"', "")));
}

/** Undefined for the whole: without a range, and with one that S3 does not understand (several ranges). */
function findRange(text: string | undefined, object: ObjectVersion): ContentRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text ?? "");
  const [from = "", to = ""] = match?.slice(1) ?? [];
  if (!match || (from === "" && to === "")) return undefined;
  const size = objectSize(object);
  const first = from === "" ? Math.max(size - Number(to), 0) : Number(from);
  const last = from === "" || to === "" ? size - 1 : Math.min(Number(to), size - 1);
  if (from !== "" && to !== "" && Number(to) < Number(from)) return undefined;
  if (first >= size)
    throw new S3Error("InvalidRange", "The requested range is not satisfiable", {
      fields: { RangeRequested: text ?? "", ActualObjectSize: String(size) },
    });
  return { segments: object.segments, first, last };
}

function preconditionFailed(condition: string): S3Error {
  return new S3Error("PreconditionFailed", "At least one of the pre-conditions you specified did not hold", {
    fields: { Condition: condition },
  });
}
