import { invalidSnapshot } from "./invalid-snapshot.ts";
import { viewOf } from "./span.ts";

const highestSafeHalf = 2 ** 21;

/** The little-endian 64-bit number at `offset`. Throws `snapshot-invalid` above 2^53, which no page or count reaches. */
export function safeUint64(bytes: Buffer, offset: number): number {
  const view = viewOf(bytes);
  return join(view.getUint32(offset + 4, true), view.getUint32(offset, true));
}

/** The same in big-endian order, as etcd writes revisions and indexes. */
export function safeUint64BigEndian(bytes: Buffer, offset: number): number {
  const view = viewOf(bytes);
  return join(view.getUint32(offset), view.getUint32(offset + 4));
}

function join(high: number, low: number): number {
  if (high >= highestSafeHalf) throw invalidSnapshot("a number in it is above all that etcd counts to");
  return high * 2 ** 32 + low;
}
