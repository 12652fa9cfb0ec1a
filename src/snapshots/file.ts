import { read } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import type { SnapshotSource } from "../etcd/source.ts";

/** Costs half of what a read of FileHandle does, which counts where pages are read one by one. */
const readAt = promisify(read);

/** An open file as a source of `readSnapshot`; whoever opened it closes it. Also for a file whose name is gone already. */
export async function createFileSource(file: FileHandle): Promise<SnapshotSource> {
  const { size } = await file.stat();
  return {
    sizeBytes: size,
    read: async (offset, length, into) => {
      const bytes = into?.subarray(0, length) ?? Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await readAt(file.fd, bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
  };
}
