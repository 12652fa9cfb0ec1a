import { describeError, hasCode, type ActionError } from "../errors.ts";
import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Answered, Clock, Log, ManagementCluster, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { formatTime } from "../time.ts";
import { changeHostedCluster } from "./change.ts";
import { mayBeDown, putBackFailed } from "./commands.ts";
import {
  findJournal,
  journalAnnotation,
  renderReadable,
  writerEntries,
  type Held,
  type Journal,
  type Replicas,
} from "./journal.ts";

export interface PutBackWorld {
  readonly cluster: ManagementCluster;
  readonly clock: Clock;
  readonly log: Log;
}

/** One try: what this run held, and the hosted cluster as it was just seen. */
interface PutBackTry {
  readonly ref: ObjectRef;
  readonly held: Held;
  readonly before: Answered<HostedCluster> | undefined;
}

/**
 * Brings stopped writers back and resumes reconciliation, in one go; tries again, whatever fails, as long as there is
 * time. Safe to run twice and beside another run: replicas are only raised, a pause is only taken away where it
 * is this run's, and a hosted cluster in which another nonce may have stopped them is not touched. Where the HostedCluster
 * alone cannot be read, the writers are brought back without it, since nobody else may hold it before the run's own
 * deadline; `onRaised` is told then.
 * Throws `release-failed`, with the commands for a human, when something stayed.
 */
export async function putBack(
  world: PutBackWorld,
  ref: ObjectRef,
  held: Held,
  onRaised: () => void = () => undefined,
): Promise<void> {
  const { clock, log } = world;
  const beganMs = clock.nowMs();
  let last: ActionError | undefined;
  let isRaised = false;
  const failed = (reason: ActionError): ActionError => putBackFailed(ref, held, { reason, isRaised });
  for (;;) {
    let seen = false;
    try {
      const before = await world.cluster.findHostedCluster(ref);
      seen = true;
      await tryPutBack(world, { ref, held, before });
      return;
    } catch (error) {
      const reason = describeError(error);
      const isLate = !seen && clock.nowMs() >= beganMs + limits.undoUnseenMs;
      if (isLate && !isRaised && (await raiseUnseen(world, ref, held))) {
        isRaised = true;
        onRaised();
      }
      // Somebody wrote there, and means something by it: a human decides.
      if (reason.code === "journal-unreadable") throw failed(reason);
      // The time of the undo is over: what failed before tells more.
      if (reason.code === "cancelled") throw failed(last ?? reason);
      if (clock.nowMs() >= beganMs + limits.undoMs) throw failed(reason);
      if (reason.code !== last?.code)
        log.info(`putting back failed with ${reason.code}: ${reason.message}; it is tried again`);
      last = reason;
    }
    await clock.sleep(limits.undoRetryMs);
  }
}

async function tryPutBack(world: PutBackWorld, { ref, held, before }: PutBackTry): Promise<void> {
  if (before === undefined) return;
  const journal = findJournal(before, before.answeredAt);
  const isOwn = journal?.nonce === held.nonce;
  if (journal !== undefined && !isOwn && mayBeDown(journal)) {
    world.log.warning(`${ref.name} is held by another run now; nothing of it was changed`);
    return;
  }
  // After phase `transfer` a writer at 0 was stopped by someone else: leave it. Phase `cleanup` is not that: raise it again.
  // Where somebody took the journal away, and paused in its stead, nobody else brings the writers back: also not a run that
  // stops none, and holds the cluster since.
  const released = (isOwn ? journal : held).phase === "transfer";
  const results = await Promise.allSettled([
    released || raiseWriters(world, controlPlaneNamespace(ref.namespace, ref.name), held.original.replicas),
    resumeReconciliation(world, { ref, held, phase: released ? "transfer" : "cleanup" }),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

/**
 * Brings the writers back by what the run itself wrote down, before its deadline. False where that was over, or failed, and
 * where the run holds none of them stopped.
 */
export async function raiseUnseen(world: PutBackWorld, ref: ObjectRef, held: Held): Promise<boolean> {
  if (!mayBeDown(held)) return false;
  try {
    if ((await world.cluster.readServerTime()).getTime() >= new Date(held.deadline).getTime()) return false;
    await raiseWriters(world, controlPlaneNamespace(ref.namespace, ref.name), held.original.replicas);
    world.log.info(
      `the API servers of ${ref.name} were scaled up without a look at it; its pause ends at ${held.deadline}`,
    );
    return true;
  } catch (error) {
    world.log.debug(`scaling up without a look failed as well (${describeError(error).code})`);
    return false;
  }
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

/** A run's hold, and the phase in which its journal goes on as a lock without pause. */
interface Resumption {
  readonly ref: ObjectRef;
  readonly held: Held;
  readonly phase: "transfer" | "cleanup";
}

/**
 * Puts the original spec.pausedUntil back where it is still this run's deadline, and turns the journal into a lock
 * without pause. Returns the journal it wrote, or undefined when it was not there. An original that the API does not take
 * any more is removed.
 */
export async function resumeReconciliation(world: PutBackWorld, of: Resumption): Promise<Journal | undefined> {
  const { pausedUntil } = of.held.original;
  try {
    return await resumeWith(world, of, pausedUntil);
  } catch (error) {
    if (!hasCode(error, "cluster-refused") || pausedUntil === null) throw error;
    world.log.warning(`spec.pausedUntil of ${of.ref.name} was not a value that the API takes; it is removed instead`);
    return resumeWith(world, of, null);
  }
}

async function resumeWith(
  world: PutBackWorld,
  { ref, held, phase }: Resumption,
  pausedUntil: string | null,
): Promise<Journal | undefined> {
  let written: Journal | undefined;
  await changeHostedCluster(world, ref, {
    decide: (current) => {
      written = undefined;
      if (current === undefined) return undefined;
      const now = current.answeredAt;
      const journal = findJournal(current, now);
      if (journal !== undefined && journal.nonce !== held.nonce) return undefined;
      const deadline = journal?.deadline ?? held.deadline;
      const isOurs = current.pausedUntil === deadline && held.original.pausedUntil !== deadline;
      written = journal && { ...journal, phase, deadline: lockDeadline(journal, now) };
      if (!isOurs && written === undefined) return undefined;
      return {
        ...(isOurs ? { pausedUntil } : {}),
        ...(written ? { annotations: { [journalAnnotation]: renderReadable(written, now) } } : {}),
      };
    },
  });
  return written;
}

/** The end of a lock without pause; not before its acquire, which API servers whose clocks differ may tell. */
function lockDeadline({ acquired }: Journal, now: Date): string {
  return formatTime(new Date(Math.max(now.getTime() + limits.lockMs, new Date(acquired).getTime())));
}

/** Removes the journal where it is this run's; the last thing that a run does to the cluster. */
export async function dropJournal(world: PutBackWorld, ref: ObjectRef, nonce: string): Promise<void> {
  await changeHostedCluster(world, ref, {
    decide: (current) => {
      if (current === undefined || findJournal(current, current.answeredAt)?.nonce !== nonce) return undefined;
      return { annotations: { [journalAnnotation]: null } };
    },
  });
}
