import { createHash } from "node:crypto";
import { ActionError, type ErrorCode } from "../../../src/errors.ts";
import type { ListedObject, OpenUpload, StoredObject, Upload, UploadedPart } from "../../../src/ports.ts";
import type { Timeline } from "./timeline.ts";

interface Stored {
  readonly bytes: Buffer;
  readonly metadata: Readonly<Record<string, string>>;
  readonly modifiedAt: Date;
}

/** A bucket, as the other side of the wire has it: its versions can be counted, and are not kept. */
export class MemoryBucket {
  readonly name = "backups";
  readonly #timeline: Timeline;
  readonly #objects = new Map<string, Stored>();
  readonly #uploads = new Map<
    string,
    OpenUpload & { readonly metadata: Stored["metadata"]; readonly parts: Map<number, Buffer> }
  >();
  #started = 0;
  readonly #versions = new Map<string, number>();
  /** False: what is deleted was never there. */
  hasVersions = false;
  /** How far its clock is ahead of the world's. */
  skewMs = 0;
  /** How long each piece of an object takes that is read. */
  readMsPerPiece = 0;
  /** What a signed URL holds that nobody may read. */
  readonly signature = createHash("sha256").update("a signature").digest("hex");

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  get keys(): readonly string[] {
    return [...this.#objects.keys()].sort();
  }

  get openUploads(): readonly OpenUpload[] {
    return [...this.#uploads.values()];
  }

  find(key: string): StoredObject | undefined {
    const found = this.#objects.get(key);
    return found && { sizeBytes: found.bytes.length, metadata: found.metadata };
  }

  read(key: string): Buffer {
    const found = this.#objects.get(key);
    if (found === undefined) throw refusal("object-not-found", `there is no ${key}`);
    return found.bytes;
  }

  put(key: string, bytes: Buffer, metadata: Stored["metadata"]): void {
    if (this.#objects.has(key)) throw refusal("object-exists", `there is ${key} already`);
    this.#objects.set(key, { bytes: Buffer.from(bytes), metadata, modifiedAt: this.now() });
    this.#versions.set(key, (this.#versions.get(key) ?? 0) + 1);
  }

  countVersions(key: string): number {
    return this.hasVersions ? (this.#versions.get(key) ?? 0) : Number(this.#objects.has(key));
  }

  /** Puts other bytes where an object is, as a failing store does. */
  damage(key: string): void {
    const found = this.#objects.get(key);
    if (found === undefined) return;
    const bytes = Buffer.from(found.bytes);
    bytes.writeUInt8(bytes.readUInt8(300) ^ 1, 300);
    this.#objects.set(key, { ...found, bytes });
  }

  startUpload(key: string, metadata: Stored["metadata"]): Upload {
    this.#started += 1;
    const upload = { key, id: `upload-${String(this.#started)}`, startedAt: this.now() };
    this.#uploads.set(upload.id, { ...upload, metadata, parts: new Map() });
    return { key, id: upload.id };
  }

  putPart(upload: Upload, number: number, bytes: Buffer): UploadedPart {
    const etag = createHash("md5").update(bytes).digest("hex");
    this.#upload(upload).parts.set(number, Buffer.from(bytes));
    return { number, etag };
  }

  complete(upload: Upload, parts: readonly UploadedPart[]): void {
    const { key, metadata, parts: stored } = this.#upload(upload);
    const bytes = parts.map(({ number, etag }) => {
      const part = stored.get(number);
      if (part === undefined || createHash("md5").update(part).digest("hex") !== etag)
        throw refusal("store-refused", `there is no part ${String(number)}`);
      return part;
    });
    this.put(key, Buffer.concat(bytes), metadata);
    this.#uploads.delete(upload.id);
  }

  abort(upload: Upload): void {
    this.#uploads.delete(upload.id);
  }

  list(prefix: string): readonly ListedObject[] {
    return this.keys
      .filter((key) => key.startsWith(prefix))
      .map((key) => {
        const found = this.#objects.get(key);
        return { key, sizeBytes: found?.bytes.length, modifiedAt: found?.modifiedAt };
      });
  }

  listUploads(prefix: string): readonly OpenUpload[] {
    return this.openUploads
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, id, startedAt }) => ({ key, id, startedAt }));
  }

  delete(key: string): void {
    this.#objects.delete(key);
  }

  sign(key: string, expiresInSeconds: number): string {
    return `https://store.example/${this.name}/${key}?X-Amz-Expires=${String(expiresInSeconds)}&X-Amz-Signature=${this.signature}`;
  }

  readSigned(url: string): Buffer {
    return this.read(new URL(url).pathname.slice(this.name.length + 2));
  }

  #upload({ id }: Upload): {
    readonly key: string;
    readonly metadata: Stored["metadata"];
    readonly parts: Map<number, Buffer>;
  } {
    const found = this.#uploads.get(id);
    if (found === undefined) throw refusal("store-refused", `there is no upload ${id}`);
    return found;
  }

  now(): Date {
    return new Date(this.#timeline.nowMs() + this.skewMs);
  }
}

function refusal(code: ErrorCode, message: string): ActionError {
  return new ActionError(code, message, { hint: "look at the store" });
}
