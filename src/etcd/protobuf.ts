import { invalidSnapshot } from "./invalid-snapshot.ts";
import type { Span } from "./span.ts";

const varintBits = 7;
const longestVarint = 10;
const wireVarint = 0;
const wireBytes = 2;

/**
 * Reads a protobuf message as etcd writes it: fields ascend, none is there twice, and none has the value that an absent
 * one has. Each method throws `snapshot-invalid`.
 */
export class MessageReader {
  readonly #bytes: Buffer;
  readonly #name: string | (() => string);
  #position: number;
  readonly #end: number;
  #tag: number | undefined;
  #lastField = 0;

  /** `name`: what the message is, for the error; a function where there are many of them. */
  constructor(bytes: Buffer, name: string | (() => string), { start = 0, end = bytes.length } = {}) {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    this.#name = name;
  }

  /** The bytes of a field; empty when it is absent. */
  span(field: number): Span {
    const bytes = this.#bytes;
    if (!this.#isNext(field, wireBytes)) return { bytes, start: 0, end: 0 };
    const length = this.#safeVarint();
    const start = this.#position;
    const end = start + length;
    if (end > this.#end) throw this.#invalid();
    this.#position = end;
    return { bytes, start, end };
  }

  /** A number that fits into 53 bits; 0 when it is absent. */
  integer(field: number): number {
    return this.#isNext(field, wireVarint) ? this.#safeVarint() : 0;
  }

  /** A signed number of 64 bits; 0 when it is absent. */
  bigInteger(field: number): bigint {
    return this.#isNext(field, wireVarint) ? BigInt.asIntN(64, this.#bigVarint()) : 0n;
  }

  /** Throws when something is left. */
  end(): void {
    if (this.#position !== this.#end || this.#tag !== undefined) throw this.#invalid();
  }

  #isNext(field: number, wireType: number): boolean {
    if (this.#tag === undefined) {
      if (this.#position === this.#end) return false;
      this.#tag = this.#safeVarint();
      if (this.#tag >>> 3 <= this.#lastField) throw this.#invalid();
    }
    if (this.#tag !== field * 8 + wireType) return false;
    this.#lastField = field;
    this.#tag = undefined;
    return true;
  }

  #safeVarint(): number {
    let value = 0;
    for (let shift = 1, index = 0; index < longestVarint; shift *= 128, index += 1) {
      const byte = this.#byte();
      value += (byte & 127) * shift;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw this.#invalid();
  }

  #bigVarint(): bigint {
    let value = 0n;
    for (let index = 0; index < longestVarint; index += 1) {
      const byte = this.#byte();
      value |= BigInt(byte & 127) << BigInt(index * varintBits);
      if (byte < 128) return value;
    }
    throw this.#invalid();
  }

  #byte(): number {
    const byte = this.#bytes[this.#position];
    if (byte === undefined || this.#position >= this.#end) throw this.#invalid();
    this.#position += 1;
    return byte;
  }

  #invalid(): Error {
    const name = typeof this.#name === "string" ? this.#name : this.#name();
    return invalidSnapshot(`${name} cannot be read`);
  }
}
