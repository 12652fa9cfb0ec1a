import { createHash, type Hash } from "node:crypto";

/**
 * etcd appends the SHA-256 of everything before it to a snapshot.
 * Source: client/v3/snapshot in etcd, which `etcdutl snapshot restore` checks; `snapshot status` does not.
 */
const trailerBytes = 32;

export interface SnapshotDigests {
  /** SHA-256 of the whole file, lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Hex of the last 32 bytes. */
  readonly trailer: string;
  /** True when the last 32 bytes are the SHA-256 of all before them. */
  readonly trailerMatches: boolean;
}

/** Computes both hashes of a snapshot in one pass over its bytes, in their order. */
export class SnapshotDigest {
  readonly #bodyBytes: number;
  readonly #hash: Hash = createHash("sha256");
  readonly #trailer: Buffer[] = [];
  #bodyHash: Buffer | undefined;
  #seenBytes = 0;

  /** `sizeBytes`: what the file is expected to have, trailer included. */
  constructor(sizeBytes: number) {
    this.#bodyBytes = sizeBytes - trailerBytes;
  }

  update(bytes: Uint8Array): void {
    const bodyLeft = Math.max(0, Math.min(bytes.length, this.#bodyBytes - this.#seenBytes));
    this.#hash.update(bytes.subarray(0, bodyLeft));
    this.#seenBytes += bytes.length;
    if (this.#seenBytes < this.#bodyBytes) return;
    this.#bodyHash ??= this.#hash.copy().digest();
    this.#hash.update(bytes.subarray(bodyLeft));
    this.#trailer.push(Buffer.from(bytes.subarray(bodyLeft)));
  }

  /** Ends the computation; can be called once. */
  digest(): SnapshotDigests {
    const trailer = Buffer.concat(this.#trailer);
    return {
      sha256: this.#hash.digest("hex"),
      sizeBytes: this.#seenBytes,
      trailer: trailer.toString("hex"),
      trailerMatches: this.#bodyHash !== undefined && trailer.equals(this.#bodyHash),
    };
  }
}
