import { createHash } from "node:crypto";
import { ActionError } from "../errors.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import type { Pace } from "./pace.ts";
import { SnapshotDigest, type SnapshotDigests } from "./snapshot-digest.ts";
import { readExactly, type SnapshotSource } from "./source.ts";

/** etcd appends the SHA-256 of the database to it: client/v3/snapshot and etcdutl's copyAndVerifyDB. */
export const trailerBytes = createHash("sha256").digest().length;
/** Databases have whole sectors, so a rest of 32 bytes is the trailer: `hasChecksum` in etcdutl/snapshot/v3_snapshot.go. */
const sectorBytes = 512;
const chunkBytes = 1024 * 1024;

/**
 * Reads the whole file once, and checks its trailer. Throws `snapshot-trailer-missing` for a database file that was
 * copied, `snapshot-invalid` for a trailer that is not the hash of what stands before it.
 */
export async function readTrailer(source: SnapshotSource, pace: Pace): Promise<SnapshotDigests> {
  refuseImpossibleSize(source.sizeBytes);
  const digest = new SnapshotDigest(source.sizeBytes);
  const into = Buffer.allocUnsafe(chunkBytes);
  for (let offset = 0; offset < source.sizeBytes; offset += chunkBytes) {
    const length = Math.min(chunkBytes, source.sizeBytes - offset);
    digest.update(await readExactly(source, { offset, length, into }));
    if (pace.due) await pace.rest();
  }
  const digests = digest.digest();
  if (!digests.trailerMatches) throw invalidSnapshot("its last 32 bytes are not the SHA-256 of the bytes before them");
  return digests;
}

/**
 * Throws `snapshot-trailer-missing` for the length of a database that was copied, `snapshot-invalid` for one that no snapshot
 * has.
 */
export function refuseImpossibleSize(sizeBytes: number): void {
  if (sizeBytes === 0) throw invalidSnapshot("it is empty");
  if (sizeBytes % sectorBytes === 0)
    throw new ActionError("snapshot-trailer-missing", "the file has no SHA-256 at its end, which every snapshot has", {
      hint: "this looks like a copy of the file member/snap/db; take the snapshot with etcdctl snapshot save",
    });
  if (sizeBytes % sectorBytes !== trailerBytes)
    throw invalidSnapshot(`no snapshot has ${String(sizeBytes)} bytes; it was cut off, or something was added`);
}
