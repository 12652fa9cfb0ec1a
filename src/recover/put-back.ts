import { ActionError, describeError, hasCode } from "../errors.ts";
import { controlPlaneNamespace, type HostedCluster, type WriterName } from "../hypershift/hosted-cluster.ts";
import {
  journalAnnotation,
  parseJournal,
  renderJournal,
  type Journal,
  type Phase,
  type Replicas,
} from "../hypershift/journal.ts";
import type { Clock, Log, ManagementCluster, ObjectRef } from "../ports.ts";
import { formatTime } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";

/** What a run had changed; of its journal, or of what it wrote down for its post step. */
interface Held {
  readonly nonce: string;
  /** The pause this run set last; put back only where the cluster still has it. */
  readonly deadline: string;
  readonly phase: Phase;
  readonly original: Journal["original"];
}

export interface PutBackWorld {
  readonly cluster: ManagementCluster;
  readonly clock: Clock;
  readonly log: Log;
}

const conflictTries = 5;

/**
 * Brings stopped writers back and resumes reconciliation, in one go; tries again, whatever fails, as long as there is
 * time. Safe to run twice and beside another run: replicas are only raised, a pause is only taken away where it
 * is this run's, and a hosted cluster that another nonce holds is not touched.
 * Throws `release-failed`, with the commands for a human, when something stayed.
 */
export async function putBack(world: PutBackWorld, ref: ObjectRef, held: Held): Promise<void> {
  const { clock, log } = world;
  const giveUpMs = clock.nowMs() + limits.undoMs;
  let last: ActionError | undefined;
  for (;;) {
    try {
      await tryPutBack(world, ref, held);
      return;
    } catch (error) {
      const reason = describeError(error);
      // Whoever wrote there means something by it: a human decides.
      if (reason.code === "journal-unreadable") throw releaseFailed(ref, held, reason);
      // The time of the undo is over: what failed before tells more.
      if (reason.code === "cancelled") throw releaseFailed(ref, held, last ?? reason);
      if (clock.nowMs() >= giveUpMs) throw releaseFailed(ref, held, reason);
      if (reason.code !== last?.code)
        log.info(`putting back failed with ${reason.code}: ${reason.message}; it is tried again`);
      last = reason;
    }
    await clock.sleep(limits.undoRetryMs);
  }
}

async function tryPutBack(world: PutBackWorld, ref: ObjectRef, held: Held): Promise<void> {
  const before = await world.cluster.findHostedCluster(ref);
  if (before === undefined) return;
  const journal = findJournal(before, await world.cluster.readServerTime());
  if (journal !== undefined && journal.nonce !== held.nonce) {
    world.log.warning(`${ref.name} is held by another run now; nothing of it was changed`);
    return;
  }
  // Whoever scaled a writer down after the release wants it so. An undo that got half way is no release. Where somebody
  // took the journal away, and paused in its stead, nobody else brings the writers back.
  const released = (journal ?? held).phase === "transfer";
  const results = await Promise.allSettled([
    released || raiseWriters(world, controlPlaneNamespace(ref.namespace, ref.name), held.original.replicas),
    resumeReconciliation(world, ref, held, released ? "transfer" : "cleanup"),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/** Scales each writer that is below its original count up to it, in parallel. A writer that is gone is left to HyperShift. */
export async function raiseWriters(world: PutBackWorld, namespace: string, original: Replicas): Promise<void> {
  const results = await Promise.allSettled(
    writerEntries(original).map(async ([name, replicas]) => {
      const deployment = await world.cluster.findDeployment({ namespace, name });
      if (deployment === undefined) world.log.warning(`deployment ${name} is gone from ${namespace}; nothing to scale`);
      else if (deployment.replicas < replicas) await world.cluster.scaleDeployment({ namespace, name }, replicas);
    }),
  );
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * Puts the original spec.pausedUntil back where it is still this run's deadline, and turns the journal into a lock
 * without pause. Reads again after a conflict; returns the journal it wrote, or undefined when it was not there.
 */
export async function resumeReconciliation(
  world: PutBackWorld,
  ref: ObjectRef,
  held: Held,
  phase: "transfer" | "cleanup",
): Promise<Journal | undefined> {
  let originalRefused = false;
  for (let attempt = 1; ; attempt += 1) {
    const current = await world.cluster.findHostedCluster(ref);
    if (current === undefined) return undefined;
    const now = await world.cluster.readServerTime();
    const journal = findJournal(current, now);
    if (journal !== undefined && journal.nonce !== held.nonce) return undefined;
    const ours =
      current.pausedUntil === (journal?.deadline ?? held.deadline) && held.original.pausedUntil !== current.pausedUntil;
    const next = journal && {
      ...journal,
      phase,
      deadline: formatTime(new Date(now.getTime() + limits.lockMs)),
    };
    if (!ours && next === undefined) return undefined;
    try {
      await world.cluster.patchHostedCluster(
        ref,
        {
          ...(ours ? { pausedUntil: originalRefused ? null : held.original.pausedUntil } : {}),
          ...(next ? { annotations: { [journalAnnotation]: renderJournal(next) } } : {}),
        },
        { resourceVersion: current.resourceVersion },
      );
      return next;
    } catch (error) {
      if (hasCode(error, "cluster-refused") && held.original.pausedUntil !== null && !originalRefused) {
        originalRefused = true;
        world.log.warning(`spec.pausedUntil of ${ref.name} was not a value that the API takes; it is removed instead`);
      } else if (!hasCode(error, "hold-conflict") || attempt >= conflictTries) throw error;
    }
  }
}

/** Removes the journal where it is this run's; the last thing that a run does to the cluster. */
export async function dropJournal(world: PutBackWorld, ref: ObjectRef, nonce: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const current = await world.cluster.findHostedCluster(ref);
    if (current === undefined || findJournal(current, await world.cluster.readServerTime())?.nonce !== nonce) return;
    try {
      await world.cluster.patchHostedCluster(
        ref,
        { annotations: { [journalAnnotation]: null } },
        { resourceVersion: current.resourceVersion },
      );
      return;
    } catch (error) {
      if (!hasCode(error, "hold-conflict") || attempt >= conflictTries) throw error;
    }
  }
}

/** The writers that have fewer ready pods than before, by their names; all of what is wanted of them now is enough. */
export async function findDownWriters(
  cluster: ManagementCluster,
  namespace: string,
  before: Replicas,
): Promise<readonly WriterName[]> {
  const found = await Promise.all(
    writerEntries(before).map(async ([name, ready]): Promise<readonly WriterName[]> => {
      const deployment = await cluster.findDeployment({ namespace, name });
      // HyperShift sets 1 or 3 whatever was there before, and may do so while this waits.
      const wanted = deployment?.replicas ?? 0;
      const current = deployment !== undefined && deployment.observedGeneration >= deployment.generation;
      return current && wanted > 0 && deployment.readyReplicas >= Math.min(ready, wanted) ? [] : [name];
    }),
  );
  return found.flat();
}

/** Waits until the writers are back, or `signal` aborts; returns those that are not. */
export async function waitForWriters(
  world: PutBackWorld,
  ref: ObjectRef,
  original: Replicas,
  signal: AbortSignal,
): Promise<readonly WriterName[]> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  let down: readonly WriterName[] = writerEntries(original).map(([name]) => name);
  for (;;) {
    try {
      down = await findDownWriters(world.cluster, namespace, original);
      if (down.length === 0) return down;
    } catch (error) {
      // Some proxies refuse at once what they cannot pass on.
      if (!signal.aborted && !hasCode(error, "cluster-unreachable")) throw error;
    }
    await world.clock.sleep(limits.pollMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (signal.aborted) return down;
  }
}

/** Commands that put a hosted cluster back by hand; each can be pasted into a shell as it is. */
export function manualCommands(ref: ObjectRef, original: Journal["original"]): readonly string[] {
  const patch = {
    metadata: { annotations: { [journalAnnotation]: null } },
    spec: { pausedUntil: original.pausedUntil },
  };
  return [
    ...writerEntries(original.replicas).map(
      ([name, replicas]) =>
        `oc scale deployment/${name} -n ${controlPlaneNamespace(ref.namespace, ref.name)} --replicas=${String(replicas)}`,
    ),
    `oc patch hostedcluster/${ref.name} -n ${ref.namespace} --type=merge -p '${JSON.stringify(patch).replaceAll("'", "'\\''")}'`,
  ];
}

function releaseFailed(ref: ObjectRef, held: Held, reason: ActionError): ActionError {
  const name = `${ref.namespace}/${ref.name}`;
  const mayBeDown = held.phase !== "transfer" && writerEntries(held.original.replicas).length > 0;
  return new ActionError(
    "release-failed",
    (mayBeDown ? `the API servers of ${name} may be down` : `the lock of this run may still be on ${name}`) +
      `: putting back failed with ${reason.code}: ${reason.message}`,
    {
      hint:
        (mayBeDown ? "HyperShift puts them back by itself" : "it ends by itself") +
        ` at ${held.deadline} at the latest; to put everything back now: ${manualCommands(ref, held.original).join(" ; ")}`,
      cause: reason,
    },
  );
}

/** The journal of a hosted cluster; undefined without one. Throws `journal-unreadable`. */
export function findJournal(hostedCluster: HostedCluster, now: Date): Journal | undefined {
  const text = hostedCluster.annotations[journalAnnotation];
  return text === undefined ? undefined : parseJournal(text, now);
}

function writerEntries(replicas: Replicas): readonly (readonly [WriterName, number])[] {
  return (Object.entries(replicas) as [WriterName, number | undefined][]).flatMap(([name, count]) =>
    count === undefined ? [] : [[name, count] as const],
  );
}
