import { safeUint64BigEndian } from "./integers.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";

/** Where a change stands: the transaction, and its place within. */
export interface Revision {
  readonly main: number;
  readonly sub: number;
  /** True for a deletion. */
  readonly tombstone: boolean;
}

const separator = 0x5f;
const tombstoneMark = 0x74;
/** Main (8 bytes), an underscore, sub (8 bytes), and a `t` behind a deletion: server/storage/mvcc/revision.go. */
export const revisionBytes = 17;

/** A key of the bucket `key`, or a compact revision of the bucket `meta`. Throws `snapshot-invalid`. */
export function parseRevision(bytes: Buffer, start = 0, end = bytes.length): Revision {
  const tombstone = end - start === revisionBytes + 1;
  if (
    (!tombstone && end - start !== revisionBytes) ||
    bytes[start + 8] !== separator ||
    (tombstone && bytes[start + revisionBytes] !== tombstoneMark)
  )
    throw invalidSnapshot("a key of its keyspace is not a revision");
  return { main: safeUint64BigEndian(bytes, start), sub: safeUint64BigEndian(bytes, start + 9), tombstone };
}

/** The key under which etcd keeps the first change of a revision. */
export function renderRevision(main: number): Buffer {
  const bytes = Buffer.alloc(revisionBytes);
  bytes.writeBigUInt64BE(BigInt(main));
  bytes.writeUInt8(separator, 8);
  return bytes;
}
