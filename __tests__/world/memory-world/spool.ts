import type { OpenSpool } from "../../../src/snapshots/spool.ts";
import { createMemorySource } from "../snapshot/read.ts";

/** A spool without a file. */
export const openMemorySpool: OpenSpool = (sizeBytes) => {
  const bytes = Buffer.alloc(sizeBytes);
  return Promise.resolve({
    write: (chunk, offset) => {
      bytes.set(chunk, offset);
      return Promise.resolve();
    },
    createSource: () => Promise.resolve(createMemorySource(bytes)),
    close: () => Promise.resolve(),
  });
};
