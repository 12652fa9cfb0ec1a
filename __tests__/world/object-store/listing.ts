import { objectSize } from "./object-headers.ts";
import { S3Error } from "./s3-error.ts";
import { answerXml, readCount, type Answer, type S3Request } from "./s3-request.ts";
import { compareKeys, findCurrent, sortKeys } from "./storage.ts";
import type { XmlElement } from "./xml.ts";

const pageMax = 1000;

export function listObjects(request: S3Request): Answer {
  const { bucket, query } = request;
  const render = textRenderer(request);
  const maxKeys = Math.min(readCount(request, "max-keys", { absent: pageMax, min: 0, max: 2 ** 31 - 1 }), pageMax);
  const token = query.get("continuation-token");
  const startAfter = query.get("start-after");
  const page = selectPage(
    sortKeys(bucket.versions.keys()).filter((key) => findCurrent(bucket, key) !== undefined),
    {
      prefix: query.get("prefix") ?? "",
      delimiter: query.get("delimiter") ?? "",
      afterGroup: token === undefined ? "" : parseToken(token),
      afterKey: startAfter ?? "",
      max: maxKeys,
    },
  );
  const contents = page.keys.flatMap((key): XmlElement[] => {
    const object = findCurrent(bucket, key);
    if (object === undefined) return [];
    return [
      [
        "Contents",
        [
          ["Key", render(key)],
          ["LastModified", new Date(object.modifiedMs).toISOString()],
          ["ETag", `"${object.etag}"`],
          ["Size", objectSize(object)],
          ["StorageClass", "STANDARD"],
        ],
      ],
    ];
  });
  return answerXml("ListBucketResult", [
    ["Name", bucket.options.name],
    ["Prefix", render(query.get("prefix") ?? "")],
    ...optional("Delimiter", query.get("delimiter"), render),
    ...optional("StartAfter", startAfter, render),
    ...optional("ContinuationToken", token),
    ...optional("EncodingType", query.get("encoding-type")),
    ["KeyCount", page.keys.length + page.prefixes.length],
    ["MaxKeys", maxKeys],
    ["IsTruncated", page.next !== undefined],
    ...optional("NextContinuationToken", page.next === undefined ? undefined : renderToken(page.next)),
    ...contents,
    ...renderPrefixes(page.prefixes, render),
  ]);
}

/** One page alone: all versions and delete markers of the keys that begin with the prefix. */
export function listObjectVersions(request: S3Request): Answer {
  const { bucket, query } = request;
  const render = textRenderer(request);
  const prefix = query.get("prefix") ?? "";
  const versions = sortKeys(bucket.versions.keys())
    .filter((key) => key.startsWith(prefix))
    .flatMap((key) => (bucket.versions.get(key) ?? []).map((version, index) => ({ key, version, index })));
  return answerXml("ListVersionsResult", [
    ["Name", bucket.options.name],
    ["Prefix", render(prefix)],
    ["KeyMarker", ""],
    ["VersionIdMarker", ""],
    ...optional("EncodingType", query.get("encoding-type")),
    ["MaxKeys", pageMax],
    ["IsTruncated", false],
    ...versions.map(({ key, version, index }): XmlElement => [
      version.kind === "object" ? "Version" : "DeleteMarker",
      [
        ["Key", render(key)],
        ["VersionId", version.versionId],
        ["IsLatest", index === 0],
      ],
    ]),
  ]);
}

export function listMultipartUploads(request: S3Request): Answer {
  const { bucket, query } = request;
  const render = textRenderer(request);
  const maxUploads = Math.min(
    readCount(request, "max-uploads", { absent: pageMax, min: 1, max: 2 ** 31 - 1 }),
    pageMax,
  );
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") ?? "";
  const isGrouped = (key: string) => delimiter !== "" && key.slice(prefix.length).includes(delimiter);
  const matching = [...bucket.uploads.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .sort((a, b) => compareKeys(a.key, b.key) || compareKeys(a.id, b.id));
  const prefixes = new Set(
    matching.map(({ key }) => key).flatMap((key) => (isGrouped(key) ? [groupOf(key, prefix, delimiter)] : [])),
  );
  const rest = matching.filter(
    ({ key, id }) =>
      !isGrouped(key) &&
      (compareKeys(key, keyMarker) > 0 || (key === keyMarker && idMarker !== "" && compareKeys(id, idMarker) > 0)),
  );
  const page = rest.slice(0, maxUploads);
  const last = page.at(-1);
  const truncated = rest.length > page.length;
  return answerXml("ListMultipartUploadsResult", [
    ["Bucket", bucket.options.name],
    ["KeyMarker", render(keyMarker)],
    ["UploadIdMarker", idMarker],
    ...optional("NextKeyMarker", truncated ? last?.key : undefined, render),
    ...optional("NextUploadIdMarker", truncated ? last?.id : undefined),
    ...optional("EncodingType", query.get("encoding-type")),
    ["Prefix", render(prefix)],
    ...optional("Delimiter", delimiter === "" ? undefined : delimiter, render),
    ["MaxUploads", maxUploads],
    ["IsTruncated", truncated],
    ...page.map((upload): XmlElement => {
      const who: XmlElement[] = [
        ["ID", upload.accessKeyId],
        ["DisplayName", upload.accessKeyId],
      ];
      return [
        "Upload",
        [
          ["Key", render(upload.key)],
          ["UploadId", upload.id],
          ["Initiator", who],
          ["Owner", who],
          ["StorageClass", "STANDARD"],
          ["Initiated", new Date(upload.initiatedMs).toISOString()],
          ...optional("ChecksumAlgorithm", upload.checksumAlgorithm?.toUpperCase()),
        ],
      ];
    }),
    ...renderPrefixes(sortKeys(prefixes), render),
  ]);
}

interface PageQuery {
  readonly prefix: string;
  readonly delimiter: string;
  /** Key or common prefix that the page before ended with. */
  readonly afterGroup: string;
  readonly afterKey: string;
  readonly max: number;
}

/** `next` is what the next page starts after. */
function selectPage(
  sortedKeys: readonly string[],
  { prefix, delimiter, afterGroup, afterKey, max }: PageQuery,
): { readonly keys: readonly string[]; readonly prefixes: readonly string[]; readonly next: string | undefined } {
  const keys: string[] = [];
  const prefixes: string[] = [];
  let last: string | undefined;
  for (const key of sortedKeys) {
    const group = groupOf(key, prefix, delimiter);
    if (!key.startsWith(prefix) || compareKeys(key, afterKey) <= 0 || compareKeys(group, afterGroup) <= 0) continue;
    if (group === prefixes.at(-1)) continue;
    if (keys.length + prefixes.length === max) return { keys, prefixes, next: max === 0 ? undefined : last };
    (group === key ? keys : prefixes).push(group);
    last = group;
  }
  return { keys, prefixes, next: undefined };
}

/** The key up to the delimiter behind the prefix; the key itself without one. */
function groupOf(key: string, prefix: string, delimiter: string): string {
  const found = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
  return found === -1 ? key : key.slice(0, found + delimiter.length);
}

function renderPrefixes(prefixes: readonly string[], render: (text: string) => string): XmlElement[] {
  return prefixes.map((prefix) => ["CommonPrefixes", [["Prefix", render(prefix)]]]);
}

function textRenderer({ query }: S3Request): (text: string) => string {
  return query.get("encoding-type") === "url"
    ? (text) => encodeURIComponent(text).replaceAll("%2F", "/")
    : (text) => text;
}

function optional(
  name: string,
  text: string | undefined,
  render: (text: string) => string = (value) => value,
): XmlElement[] {
  return text === undefined ? [] : [[name, render(text)]];
}

function renderToken(text: string): string {
  return Buffer.from(`1${text}`).toString("base64");
}

function parseToken(token: string): string {
  const text = Buffer.from(token, "base64").toString();
  if (text.startsWith("1") && renderToken(text.slice(1)) === token) return text.slice(1);
  throw new S3Error("InvalidArgument", "The continuation token provided is incorrect", {
    fields: { ArgumentName: "continuation-token" },
  });
}
