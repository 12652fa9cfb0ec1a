import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { DatabaseWriter, type DatabaseOptions } from "./database.ts";
import { bucketsOf, renderChange, type ChangePlan } from "./snapshot.ts";

const pageSizeBytes = 4096;
const bufferBytes = 4 * 1024 * 1024;

/** Writes a snapshot of any size to a file: its changes are taken one after the other, and never held together. */
export function writeSnapshotFile(path: string, changes: Iterable<ChangePlan>, options: DatabaseOptions = {}): void {
  const file = openSync(path, "w+");
  try {
    let end = 2 * pageSizeBytes;
    let waiting: Buffer[] = [];
    let waitingBytes = 0;
    const flush = (): void => {
      const bytes = Buffer.concat(waiting);
      end += writeAll(file, bytes, end);
      waiting = [];
      waitingBytes = 0;
    };
    const writer = new DatabaseWriter({ ...options, pageSizeBytes }, (page) => {
      waiting.push(page);
      waitingBytes += page.length;
      if (waitingBytes >= bufferBytes) flush();
    });
    const metas = writer.write(bucketsOf({ changes: render(changes) }));
    flush();
    writeAll(file, metas, 0);
    writeAll(file, hashOf(file, end), end);
  } finally {
    closeSync(file);
  }
}

function* render(changes: Iterable<ChangePlan>): Generator<ReturnType<typeof renderChange>> {
  for (const change of changes) yield renderChange(change);
}

function writeAll(file: number, bytes: Buffer, position: number): number {
  let written = 0;
  while (written < bytes.length) written += writeSync(file, bytes, written, bytes.length - written, position + written);
  return written;
}

function hashOf(file: number, length: number): Buffer {
  const hash = createHash("sha256");
  const buffer = Buffer.alloc(bufferBytes);
  for (let offset = 0; offset < length; offset += buffer.length)
    hash.update(buffer.subarray(0, readSync(file, buffer, 0, Math.min(buffer.length, length - offset), offset)));
  return hash.digest();
}
