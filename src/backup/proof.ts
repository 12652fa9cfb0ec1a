import { ActionError } from "../errors.ts";
import { SnapshotDigest } from "../etcd/snapshot-digest.ts";
import { formatSnapshotUri } from "../snapshot/location.ts";
import type { Hold } from "./hold.ts";
import type { BackupPlan } from "./preflight.ts";
import type { Transferred } from "./transfer.ts";
import type { BackupWorld } from "./world.ts";

/**
 * Reads every byte of the stored object back, by its version where it has one, and compares its length and both hashes
 * with what left the pod. Throws `proof-failed`.
 */
export async function proveStored(
  plan: BackupPlan,
  transferred: Transferred,
  hold: Hold,
  world: BackupWorld,
): Promise<void> {
  const { object, digests } = transferred;
  const digest = new SnapshotDigest(digests.sizeBytes);
  for await (const chunk of world.store.readObject(
    plan.key,
    object.versionId === undefined ? {} : { versionId: object.versionId },
  )) {
    digest.update(chunk);
    await hold.keep();
  }
  const stored = digest.digest();
  const uri = formatSnapshotUri({ bucket: world.store.bucket, key: plan.key });
  const difference =
    stored.sizeBytes !== digests.sizeBytes
      ? `has ${String(stored.sizeBytes)} bytes, not ${String(digests.sizeBytes)}`
      : stored.sha256 !== digests.sha256 || !stored.trailerMatches
        ? "does not hold the bytes that were sent"
        : undefined;
  if (difference === undefined) return;
  throw new ActionError("proof-failed", `the object ${uri}, read back, ${difference}`, {
    hint: "do not trust this store before its operator has found out why; the object is deleted",
  });
}
