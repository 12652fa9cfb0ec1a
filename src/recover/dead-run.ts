import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import { isDead, type Journal } from "../hypershift/journal.ts";
import type { Clock, Log, ManagementCluster, ObjectRef, SnapshotStore } from "../ports.ts";
import { snapshotKey } from "../snapshot/location.ts";
import { removeSnapshotFiles, tryRemoveUnrecorded } from "./clean-up.ts";
import { dropJournal, findJournal, putBack } from "./put-back.ts";

export interface RecoverWorld {
  readonly cluster: ManagementCluster;
  /** Undefined where `recover` was given none; what a run left there stays. */
  readonly store: SnapshotStore | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** The journal of a run that still has its lock at `now`. Throws `journal-unreadable`. */
export function findLiveJournal(hostedCluster: HostedCluster, now: Date): Journal | undefined {
  const journal = findJournal(hostedCluster, now);
  return journal === undefined || isDead(journal, now) ? undefined : journal;
}

/**
 * Puts back and removes what the run of `journal` left: writers, pause, files in the pods, open upload, object without
 * record, and the journal last. What cannot be removed is a warning; what cannot be put back throws `release-failed`.
 */
export async function settleRun(
  world: RecoverWorld & { readonly signal: AbortSignal },
  ref: ObjectRef,
  run: Pick<Journal, "nonce" | "acquired" | "deadline" | "phase" | "original" | "members">,
  prefix: string,
): Promise<void> {
  await putBack(world, ref, run);
  await clearRun(world, ref, run, prefix);
}

/** As `settleRun`, for a cluster that is put back. */
export async function clearRun(
  world: RecoverWorld & { readonly signal: AbortSignal },
  ref: ObjectRef,
  run: Pick<Journal, "nonce" | "acquired" | "members">,
  prefix: string,
): Promise<void> {
  const key = snapshotKey({ prefix, ...ref, acquired: new Date(run.acquired), nonce: run.nonce });
  await Promise.all([
    removeSnapshotFiles(world, controlPlaneNamespace(ref.namespace, ref.name), run.members, run.nonce),
    world.store && tryRemoveUnrecorded({ ...world, store: world.store }, key, run.nonce),
  ]);
  await dropJournal(world, ref, run.nonce);
}
