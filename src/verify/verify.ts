import { takeKeys } from "../encryption/given-keys.ts";
import { nameKeys } from "../encryption/key.ts";
import { findStoredSubject, proveWhole, type Subject } from "../snapshots/whole-proof.ts";
import { findFile } from "./file.ts";
import type { SnapshotPlace, VerifyReport, VerifyRequest, VerifyWorld } from "./world.ts";

/** The whole proof of a snapshot against its record, without a cluster; see proveWhole. Nothing is written. */
export async function verifySnapshot(
  place: SnapshotPlace,
  request: VerifyRequest,
  world: VerifyWorld,
  report: VerifyReport,
): Promise<void> {
  const { log, openSpool, signal } = world;
  const find = (): Promise<Subject> =>
    place.kind === "file"
      ? findFile(place.path, request, world)
      : findStoredSubject(place.snapshot, place.store, { ...request, log, reading: { openSpool, signal } });
  const terms = {
    ...request,
    givenKeys: nameKeys(request.encryptionKeys),
    takeKeys: async (sealed: Subject["sealed"]) => nameKeys((await takeKeys(request, sealed, world)).encryptionKeys),
  };
  await proveWhole(find, terms, { ...world, report });
}
