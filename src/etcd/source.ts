import { invalidSnapshot } from "./invalid-snapshot.ts";

/** A snapshot file that can be read at any place, and does not change. */
export interface SnapshotSource {
  readonly sizeBytes: number;
  /**
   * The `length` bytes at `offset`; less only where the file ends. They may be put into `into`, which has room for them and
   * spares a new buffer. The error that it rejects with is passed on.
   */
  read(offset: number, length: number, into?: Buffer): Promise<Buffer>;
}

/** Exactly `length` bytes at `offset`; throws `snapshot-invalid` where the file ends before. */
export async function readExactly(
  source: SnapshotSource,
  { offset, length, into }: { readonly offset: number; readonly length: number; readonly into?: Buffer },
): Promise<Buffer> {
  const bytes = await source.read(offset, length, into);
  if (bytes.length !== length)
    throw invalidSnapshot(`it ends within the ${String(length)} bytes at offset ${String(offset)}`);
  return bytes;
}
