import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import path from "node:path";
import type { Checksum, ChecksumAlgorithm } from "./checksums.ts";
import { type Segment } from "./content.ts";
import { S3Error } from "./s3-error.ts";

export interface BucketOptions {
  readonly name: string;
  readonly region: string;
  /** Account id of twelve digits. */
  readonly owner: string;
  readonly versioning?: "enabled" | "suspended";
  /** Implies versions: a version cannot be deleted, and a body without Content-MD5 or checksum is refused. */
  readonly objectLock?: boolean;
}

export interface Encryption {
  readonly algorithm: "AES256" | "aws:kms" | "aws:kms:dsse";
  readonly kmsKeyId?: string;
}

/** What the creator of an object says of it, by PutObject or CreateMultipartUpload. */
export interface ObjectHeaders {
  /** Content-Type and the like, in lower case. */
  readonly standard: ReadonlyMap<string, string>;
  /** Names in lower case without `x-amz-meta-`. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Absent in a store that does not encrypt. */
  readonly encryption: Encryption | undefined;
}

export interface ObjectVersion {
  readonly kind: "object";
  readonly key: string;
  /** `null` as long as the bucket keeps no versions. */
  readonly versionId: string;
  /** Without quotes. */
  readonly etag: string;
  readonly headers: ObjectHeaders;
  readonly checksum: Checksum | undefined;
  readonly checksumType: "COMPOSITE" | "FULL_OBJECT";
  readonly modifiedMs: number;
  segments: readonly Segment[];
}

export interface DeleteMarker {
  readonly kind: "delete-marker";
  readonly key: string;
  readonly versionId: string;
  readonly modifiedMs: number;
}

export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly checksum: Checksum | undefined;
  readonly modifiedMs: number;
  segment: Segment;
}

export interface MultipartUpload {
  readonly id: string;
  readonly key: string;
  readonly initiatedMs: number;
  readonly accessKeyId: string;
  readonly headers: ObjectHeaders;
  readonly checksumAlgorithm: ChecksumAlgorithm | undefined;
  readonly checksumType: "COMPOSITE" | "FULL_OBJECT";
  readonly parts: Map<number, Part>;
}

export interface Bucket {
  readonly options: BucketOptions;
  /** Versions of each key, newest first; never an empty list. */
  readonly versions: Map<string, (ObjectVersion | DeleteMarker)[]>;
  readonly uploads: Map<string, MultipartUpload>;
  /** Uploads that were completed: a completion that is sent again is answered like the first one. */
  readonly completed: Map<string, ObjectVersion>;
}

/** Buckets, and a folder for what is in them. */
export class Storage {
  readonly #directory: string;
  readonly #buckets: ReadonlyMap<string, Bucket>;
  #uploads = 0;

  constructor(directory: string, buckets: readonly BucketOptions[]) {
    this.#directory = directory;
    this.#buckets = new Map(
      buckets.map((options) => [
        options.name,
        { options, versions: new Map(), uploads: new Map(), completed: new Map() },
      ]),
    );
  }

  /** Ids sort in the order in which the uploads began, as the listing has them. */
  createUploadId(): string {
    this.#uploads += 1;
    return `${this.#uploads.toString(16).padStart(8, "0")}.${createId(36)}`;
  }

  findBucket(name: string): Bucket | undefined {
    return this.#buckets.get(name);
  }

  /** A path that nothing has yet. */
  createPath(): string {
    return path.join(this.#directory, randomBytes(16).toString("hex"));
  }
}

/** Makes an object the newest version of its key; in a bucket without versions it takes the place of the old one. */
export function addObject(bucket: Bucket, object: Omit<ObjectVersion, "kind" | "versionId">): ObjectVersion {
  const added: ObjectVersion = { ...object, kind: "object", versionId: createVersionId(bucket) };
  addVersion(bucket, added);
  return added;
}

/** Undefined when the key's newest version is a delete marker, or there is none. */
export function findCurrent(bucket: Bucket, key: string): ObjectVersion | undefined {
  const newest = bucket.versions.get(key)?.[0];
  return newest?.kind === "object" ? newest : undefined;
}

export function findVersion(
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): ObjectVersion | DeleteMarker | undefined {
  const versions = bucket.versions.get(key);
  return versionId === undefined ? versions?.[0] : versions?.find((version) => version.versionId === versionId);
}

/** What was removed, or the delete marker that was made; undefined when nothing was there to remove. */
export function deleteObject(
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
  nowMs: number,
): ObjectVersion | DeleteMarker | undefined {
  if (versionId === undefined && keepsVersions(bucket)) {
    const marker: DeleteMarker = {
      kind: "delete-marker",
      key,
      versionId: createVersionId(bucket),
      modifiedMs: nowMs,
    };
    addVersion(bucket, marker);
    return marker;
  }
  const removed = findVersion(bucket, key, versionId);
  if (removed === undefined) return undefined;
  if (bucket.options.objectLock === true && removed.kind === "object")
    throw new S3Error("AccessDenied", "Access Denied because object protected by object lock.");
  removeVersion(bucket, removed);
  return removed;
}

export function keepsVersions({ options }: Bucket): boolean {
  return options.versioning !== undefined || options.objectLock === true;
}

export function discardSegments(segments: readonly Segment[]): void {
  for (const segment of segments) rmSync(segment.path, { force: true });
}

/** In S3's order: by the bytes of UTF-8. */
export function sortKeys(keys: Iterable<string>): string[] {
  return [...keys].sort(compareKeys);
}

export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Letters and digits, as opaque as S3's. */
export function createId(sizeBytes: number): string {
  return randomBytes(sizeBytes).toString("base64url").replaceAll("-", ".");
}

function addVersion(bucket: Bucket, version: ObjectVersion | DeleteMarker): void {
  const replaced = findVersion(bucket, version.key, version.versionId);
  if (replaced !== undefined) removeVersion(bucket, replaced);
  bucket.versions.set(version.key, [version, ...(bucket.versions.get(version.key) ?? [])]);
}

function removeVersion(bucket: Bucket, removed: ObjectVersion | DeleteMarker): void {
  const left = (bucket.versions.get(removed.key) ?? []).filter((version) => version !== removed);
  if (left.length === 0) bucket.versions.delete(removed.key);
  else bucket.versions.set(removed.key, left);
  if (removed.kind === "object") discardSegments(removed.segments);
}

/** `null` is the one version of a bucket that keeps none, and the one that a suspended bucket goes on replacing. */
function createVersionId({ options }: Bucket): string {
  return options.versioning === "enabled" || options.objectLock === true ? createId(24) : "null";
}
