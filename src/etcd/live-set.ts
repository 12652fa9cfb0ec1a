import { createHash } from "node:crypto";
import type { KeyValue } from "./key-value.ts";
import { bufferOf, lengthOf, spanOf, type Span } from "./span.ts";

/** The keys that exist at the snapshot's revision. */
export interface LiveSet {
  readonly keys: number;
  readonly valueBytes: number;
  /** Hex; its form is given in docs/proof.md. */
  readonly sha256: string;
}

const headBytes = 48;
const bufferBytes = 64 * 1024;

/**
 * Hashes the live keys, which are added by ascending mod revision. Keys of one revision are put in the order of their
 * bytes: a living etcd does not tell the order within a transaction.
 */
export class LiveSetDigest {
  readonly #hash = createHash("sha256");
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  readonly #fields = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, bufferBytes);
  #buffered = 0;
  #transaction: KeyValue[] = [];
  #keys = 0;
  #valueBytes = 0;

  /** `isAlone`: whether it is the only change of its revision. The bytes of others are copied until all have come. */
  add(entry: KeyValue, isAlone: boolean): void {
    if (this.#transaction[0] && this.#transaction[0].modRevision !== entry.modRevision) this.#endTransaction();
    if (isAlone) this.#write(entry);
    else this.#transaction.push({ ...entry, key: copyOf(entry.key), value: copyOf(entry.value) });
  }

  /** Ends the computation; can be called once. */
  digest(): LiveSet {
    this.#endTransaction();
    this.#flush();
    return { keys: this.#keys, valueBytes: this.#valueBytes, sha256: this.#hash.digest("hex") };
  }

  #endTransaction(): void {
    this.#transaction.sort((one, other) => one.key.bytes.compare(other.key.bytes));
    for (const entry of this.#transaction) this.#write(entry);
    this.#transaction = [];
  }

  #write({ key, value, createRevision, modRevision, version, lease }: KeyValue): void {
    if (this.#buffered + headBytes > bufferBytes) this.#flush();
    const fields = this.#fields;
    const head = this.#buffered;
    writeUint64(fields, head, createRevision);
    writeUint64(fields, head + 8, modRevision);
    writeUint64(fields, head + 16, version);
    fields.setBigInt64(head + 24, lease);
    writeUint64(fields, head + 32, lengthOf(key));
    writeUint64(fields, head + 40, lengthOf(value));
    this.#buffered += headBytes;
    this.#update(key);
    this.#update(value);
    this.#keys += 1;
    this.#valueBytes += lengthOf(value);
  }

  /** Small pieces go to the hash together. */
  #update(piece: Span): void {
    const length = lengthOf(piece);
    if (this.#buffered + length > bufferBytes) this.#flush();
    if (length > bufferBytes) this.#hash.update(bufferOf(piece));
    else {
      piece.bytes.copy(this.#buffer, this.#buffered, piece.start, piece.end);
      this.#buffered += length;
    }
  }

  #flush(): void {
    this.#hash.update(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }
}

function copyOf(span: Span): Span {
  return spanOf(Buffer.from(bufferOf(span)));
}

function writeUint64(fields: DataView, offset: number, value: number): void {
  fields.setUint32(offset, Math.floor(value / 2 ** 32));
  fields.setUint32(offset + 4, value % 2 ** 32);
}
