import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import { tryRemoveFiles } from "../pod/leftovers.ts";
import type { ObjectRef, SnapshotStore } from "../ports.ts";
import { tryRemoveOwn } from "../snapshots/removal.ts";
import type { Held } from "./journal.ts";
import { dropJournal, putBack, type PutBackWorld } from "./put-back.ts";

/** The parts of the world that the end of a run needs; `signal` ends it. */
export interface EndWorld extends PutBackWorld {
  /** Undefined where there is none; what the run left there stays. */
  readonly store: SnapshotStore | undefined;
  readonly signal: AbortSignal;
}

/** The cluster that this run holds, and where its snapshots go. */
export interface OwnRun {
  readonly ref: ObjectRef;
  readonly held: Held;
  readonly prefix: string;
  /** See EndedRun. */
  readonly isRecorded?: boolean;
}

/**
 * Puts back and removes what this run itself changed and made: writers, pause, files in the pods, open uploads, objects
 * without record, and the journal last. A thing that cannot be removed is a warning; one that cannot be put back throws
 * `release-failed`.
 */
export async function settleRun(world: EndWorld, run: OwnRun): Promise<void> {
  await putBack(world, run.ref, run.held);
  await clearRun(world, run);
}

/** Does `settleRun` for a cluster that is put back; returns the addresses in the store of what could not be removed. */
export async function clearRun(
  world: EndWorld,
  { ref, held, prefix, isRecorded = false }: OwnRun,
): Promise<readonly string[]> {
  const { nonce, members } = held;
  const run = { prefix, ...ref, acquired: new Date(held.acquired), nonce, isRecorded };
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const [left = []] = await Promise.all([
    world.store && tryRemoveOwn({ ...world, store: world.store }, run, members),
    tryRemoveFiles(
      world,
      members.map((name) => ({ namespace, name })),
      nonce,
    ),
  ]);
  await dropJournal(world, ref, nonce);
  return left;
}
