import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { readContent, sizeOf, wholeOf, type Tampering } from "./content.ts";
import { damageObject } from "./damage.ts";
import {
  addObject,
  deleteObject,
  findVersion,
  sortKeys,
  type Bucket,
  type MultipartUpload,
  type ObjectVersion,
  type Storage,
} from "./storage.ts";

/** A stored object, as a test looks at it. */
export interface InspectedObject {
  readonly key: string;
  /** `null` in a bucket without versions. */
  readonly versionId: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly contentType: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly encryption: string | undefined;
  readonly kmsKeyId: string | undefined;
  /** Such as `crc32:AAAAAA==-2`. */
  readonly checksum: string | undefined;
  readonly modifiedMs: number;
}

export interface InspectedUpload {
  readonly id: string;
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly parts: readonly { readonly number: number; readonly sizeBytes: number; readonly etag: string }[];
}

export interface SeedOptions {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly modifiedMs?: number;
}

/** What is in the store, read and changed without a request. Unknown buckets and absent objects are errors of the test. */
export class Inspection {
  readonly #storage: Storage;
  readonly #nowMs: () => number;

  constructor(storage: Storage, nowMs: () => number) {
    this.#storage = storage;
    this.#nowMs = nowMs;
  }

  /** Newest versions, by key; none of what has a delete marker. */
  objects(bucket: string): readonly InspectedObject[] {
    const { versions } = this.#bucket(bucket);
    return sortKeys(versions.keys()).flatMap((key) => {
      const newest = versions.get(key)?.[0];
      return newest?.kind === "object" ? [inspectObject(newest)] : [];
    });
  }

  /** Newest first; a delete marker is its version id alone. */
  versions(bucket: string, key: string): readonly (InspectedObject | { readonly deleteMarker: string })[] {
    return (this.#bucket(bucket).versions.get(key) ?? []).map((version) =>
      version.kind === "object" ? inspectObject(version) : { deleteMarker: version.versionId },
    );
  }

  async readObject(bucket: string, key: string, versionId?: string): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of readContent(wholeOf(this.#object(bucket, key, versionId).segments))) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  /** Puts an object there as if it always had been. */
  async seedObject(
    bucket: string,
    key: string,
    body: Uint8Array | string,
    options: SeedOptions = {},
  ): Promise<InspectedObject> {
    const bytes = Buffer.from(body);
    const path = this.#storage.createPath();
    await writeFile(path, bytes);
    return inspectObject(
      addObject(this.#bucket(bucket), {
        key,
        etag: createHash("md5").update(bytes).digest("hex"),
        headers: {
          standard: new Map(options.contentType === undefined ? [] : [["content-type", options.contentType]]),
          metadata: new Map(Object.entries(options.metadata ?? {})),
          encryption: { algorithm: "AES256" },
        },
        checksum: undefined,
        checksumType: "FULL_OBJECT",
        modifiedMs: options.modifiedMs ?? this.#nowMs(),
        segments: [{ path, sizeBytes: bytes.byteLength }],
      }),
    );
  }

  /** Removes the object, or makes a delete marker, as a request would. */
  removeObject(bucket: string, key: string, versionId?: string): void {
    deleteObject(this.#bucket(bucket), key, versionId, this.#nowMs());
  }

  openUploads(bucket: string): readonly InspectedUpload[] {
    return [...this.#bucket(bucket).uploads.values()].map(inspectUpload);
  }

  async tamper(bucket: string, key: string, tampering: Tampering): Promise<void> {
    await damageObject(this.#object(bucket, key, undefined), tampering);
  }

  #bucket(name: string): Bucket {
    const bucket = this.#storage.findBucket(name);
    if (bucket === undefined) throw new Error(`the object store has no bucket ${name}`);
    return bucket;
  }

  #object(bucket: string, key: string, versionId: string | undefined): ObjectVersion {
    const version = findVersion(this.#bucket(bucket), key, versionId);
    if (version?.kind !== "object") throw new Error(`the object store has no object s3://${bucket}/${key}`);
    return version;
  }
}

function inspectObject(object: ObjectVersion): InspectedObject {
  const { headers, checksum } = object;
  return {
    key: object.key,
    versionId: object.versionId,
    sizeBytes: sizeOf(object.segments),
    etag: object.etag,
    contentType: headers.standard.get("content-type"),
    metadata: Object.fromEntries(headers.metadata),
    encryption: headers.encryption?.algorithm,
    kmsKeyId: headers.encryption?.kmsKeyId,
    checksum: checksum && `${checksum.algorithm}:${checksum.value}`,
    modifiedMs: object.modifiedMs,
  };
}

function inspectUpload(upload: MultipartUpload): InspectedUpload {
  return {
    id: upload.id,
    key: upload.key,
    metadata: Object.fromEntries(upload.headers.metadata),
    parts: [...upload.parts.values()]
      .sort((a, b) => a.number - b.number)
      .map(({ number, etag, segment }) => ({ number, etag, sizeBytes: segment.sizeBytes })),
  };
}
