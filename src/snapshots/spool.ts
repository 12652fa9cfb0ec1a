import { randomUUID } from "node:crypto";
import { open, statfs, unlink, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { renderBytes } from "../bytes.ts";
import { ActionError } from "../errors.ts";
import type { SnapshotSource } from "../etcd/source.ts";
import { createFileSource } from "./file.ts";

/** Holds the bytes of one snapshot between where they come from and the reader, which jumps. */
export interface Spool {
  /** Bytes may come in any order. */
  write(chunk: Uint8Array, offset: number): Promise<void>;
  /** The bytes that were written; to be asked for when all of them are. */
  createSource(): Promise<SnapshotSource>;
  close(): Promise<void>;
}

/** Opens a spool for so many bytes. */
export type OpenSpool = (sizeBytes: number) => Promise<Spool>;

/** Stays free beside the spool, for the runner's own logs. */
const reservedBytes = 64 * 1024 * 1024;

/**
 * Spools in files below `folder` that nobody else reads, and that have no name as soon as they are open: a runner that dies
 * leaves nothing. Opening and writing throw `runner-full` where the volume has no room, `runner-unwritable` for anything else.
 */
export function createFileSpools(folder: string): OpenSpool {
  return async (sizeBytes) => {
    const file = await openNameless(folder, sizeBytes).catch((error: unknown) => {
      throw describeFailure(error, { folder, sizeBytes });
    });
    return {
      write: (chunk, offset) =>
        writeAll(file, chunk, offset).catch((error: unknown) => {
          throw describeFailure(error, { folder, sizeBytes });
        }),
      createSource: () => createFileSource(file),
      close: () => file.close(),
    };
  };
}

interface SpoolPlace {
  readonly folder: string;
  readonly sizeBytes: number;
}

async function openNameless(folder: string, sizeBytes: number): Promise<FileHandle> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < sizeBytes + reservedBytes) throw noRoom({ folder, sizeBytes }, bavail * bsize);
  const path = join(folder, `hypershift-etcd-backup-${randomUUID()}.db`);
  const file = await open(path, "wx+", 0o600);
  try {
    await unlink(path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array, offset: number): Promise<void> {
  for (let written = 0; written < chunk.length;)
    written += (await file.write(chunk, written, chunk.length - written, offset + written)).bytesWritten;
}

function describeFailure(error: unknown, place: SpoolPlace): ActionError {
  if (error instanceof ActionError) return error;
  if (error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT"))
    return noRoom(place, 0);
  return new ActionError("runner-unwritable", `could not keep the snapshot for its proof in ${place.folder}`, {
    hint: "the runner's RUNNER_TEMP must be a folder that the step can write to",
    cause: error,
  });
}

function noRoom({ folder, sizeBytes }: SpoolPlace, freeBytes: number): ActionError {
  return new ActionError(
    "runner-full",
    `the runner has ${renderBytes(freeBytes)} free in ${folder}; the proof of the snapshot needs ${renderBytes(sizeBytes + reservedBytes)}`,
    { hint: "use a runner with more space, or point RUNNER_TEMP to a larger volume" },
  );
}
