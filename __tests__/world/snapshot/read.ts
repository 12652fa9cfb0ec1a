import { readSnapshot, type Snapshot, type SnapshotOptions } from "../../../src/etcd/snapshot.ts";
import type { SnapshotSource } from "../../../src/etcd/source.ts";
import { describeError } from "../../../src/errors.ts";

export function createMemorySource(bytes: Buffer): SnapshotSource {
  return {
    sizeBytes: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  };
}

export function readBytes(bytes: Buffer, options: SnapshotOptions = {}): Promise<Snapshot> {
  return readSnapshot(createMemorySource(bytes), options);
}

/** The code of the error with which a file is refused, and its message; undefined for one that is accepted. */
export async function refusalOf(
  bytes: Buffer,
  options: SnapshotOptions = {},
): Promise<{ readonly code: string; readonly message: string } | undefined> {
  try {
    await readBytes(bytes, options);
    return undefined;
  } catch (error) {
    const { code, message } = describeError(error);
    return { code, message };
  }
}
