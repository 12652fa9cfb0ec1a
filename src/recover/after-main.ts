import { ActionError, describeError, hasCode } from "../errors.ts";
import { describeEnd, describeHeld, typeToPutBack } from "../hold/commands.ts";
import type { Recovery } from "../hold/dead-run.ts";
import { findJournal, type HeldCluster, type Journal, type Replicas } from "../hold/journal.ts";
import type { EndWorld } from "../hold/own-run.ts";
import { raiseUnseen } from "../hold/put-back.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Answered, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { finishRun } from "./after-run.ts";

/** The parts of the world that the post step needs: nobody cancels it. */
type PostWorld = Omit<EndWorld, "signal">;

type LookWorld = Omit<PostWorld, "store">;

/** A hosted cluster that main held, with what it held of it. */
export interface HeldRun {
  readonly hostedCluster: HeldCluster;
  readonly journal: Journal;
  /** Pods of each writer that were ready before anything was stopped; absent where nobody knows. */
  readonly ready?: Replicas;
  /** See EndedRun. */
  readonly isRecorded?: boolean;
}

/** The outcome of the post step; `untouched`: main had stopped nothing. */
export interface PostReport {
  apiServers: Recovery["apiServers"];
}

/**
 * The post step, with what main held: puts back what main did not, in the very object that it held. Where the credentials
 * reach another one of that name, nothing is touched. Throws `release-failed` with the commands for a human.
 */
export async function finishMain(
  held: HeldRun,
  world: PostWorld,
  options: { readonly prefix: string; readonly report: PostReport },
): Promise<void> {
  const { hostedCluster: ref, journal, ready, isRecorded = false } = held;
  await refuseOthers(held, world);
  const run = { ref, held: journal, prefix: options.prefix, isRecorded };
  const areBack = await finishRun(world, run, ready ?? journal.original.replicas);
  if (options.report.apiServers === "down") options.report.apiServers = areBack ? "back" : "others";
}

/**
 * The error where post cannot act: main held a cluster, and `reason` keeps post from it. `isRaised`: its API servers were
 * scaled up without a look at it.
 */
export function cannotRelease(
  { hostedCluster: ref, journal }: HeldRun,
  reason: ActionError,
  isRaised = false,
): ActionError {
  return new ActionError(
    "release-failed",
    `${describeHeld(ref, journal, isRaised)}: the post step could not look (${reason.code}: ${reason.message})`,
    {
      hint:
        `${describeEnd(journal, isRaised)} at ${journal.deadline} at the latest; ` +
        `to put everything back now, in the cluster that was backed up:${typeToPutBack(ref, journal.original)}`,
      cause: reason,
    },
  );
}

/** The error of a post step without state: `reason` keeps it from seeing whether its run holds anything. */
export function cannotLook(ref: ObjectRef | undefined, reason: ActionError): ActionError {
  const what = ref === undefined ? "a hosted cluster" : `${ref.namespace}/${ref.name}`;
  const fix = reason.hint === undefined ? "" : `${reason.hint}; then `;
  return new ActionError(
    "release-failed",
    `whether this run holds ${what} could not be seen, so its API servers may be down: main left no state, and the post ` +
      `step could not look (${reason.code}: ${reason.message})`,
    {
      hint:
        `${fix}run recover with the kubeconfig of the backup, which says how the cluster is and what to type; ` +
        "where this run paused it, HyperShift starts its API servers by itself, after max-pause at the latest",
      cause: reason,
    },
  );
}

/**
 * Throws `release-failed` where the object is another one, or cannot be looked at. Then its API servers are brought back
 * without a look: the kubeconfig is of the cluster that main held, and nobody else may hold it before main's deadline.
 */
async function refuseOthers(held: HeldRun, world: PostWorld): Promise<void> {
  const { hostedCluster: ref, journal } = held;
  const beganMs = world.clock.nowMs();
  let isRaised = false;
  const found = await lookPatiently(world, ref, async (_failure, bounded) => {
    const isLate = world.clock.nowMs() >= beganMs + limits.undoUnseenMs;
    if (isLate && !isRaised) isRaised = await raiseUnseen(bounded, ref, journal);
    return true;
  }).catch((error: unknown) => {
    throw cannotRelease(held, describeError(error), isRaised);
  });
  // Nothing is to be put back in a cluster that was deleted; what the run left in the store is removed.
  if (found === undefined || found.uid === ref.uid) return;
  const reason = "the cluster of the post step's kubeconfig has another hosted cluster of that name";
  throw cannotRelease(held, new ActionError("hosted-cluster-not-found", reason));
}

/**
 * Looks until the API server answers, there is no time left, or `isWorthAnother` says no: the world that it gets ends with
 * that time. Throws the last failure.
 */
async function lookPatiently(
  world: LookWorld,
  ref: ObjectRef,
  isWorthAnother: (failure: ActionError, bounded: LookWorld) => Promise<boolean>,
): Promise<Answered<HostedCluster> | undefined> {
  const { clock, log } = world;
  const inTime = clock.timeout(limits.undoMs);
  const bounded = { ...world, cluster: world.cluster.withSignal(inTime) };
  let last: ActionError | undefined;
  for (;;) {
    try {
      return await bounded.cluster.findHostedCluster(ref);
    } catch (error) {
      const reason = describeError(error);
      // What failed before the time was over tells more.
      if (inTime.aborted) throw last ?? reason;
      if (!(await isWorthAnother(reason, bounded))) throw reason;
      if (reason.code !== last?.code)
        log.info(`the look failed with ${reason.code}: ${reason.message}; it is tried again`);
      last = reason;
    }
    await clock.sleep(limits.undoRetryMs);
  }
}

/**
 * The hold of a main that left no state: a journal of this very run, attempt and runner, since the jobs of one run must
 * not end each other. Undefined where the hosted cluster has no such journal, or is not there.
 */
export async function findOwnHold(world: LookWorld, ref: ObjectRef, own: Journal["run"]): Promise<HeldRun | undefined> {
  const found = await lookPatiently(world, ref, (failure) => Promise.resolve(hasCode(failure, "cluster-unreachable")));
  if (found === undefined) return undefined;
  try {
    const journal = findJournal(found, found.answeredAt);
    return journal !== undefined && isOwn(journal.run, own) ? { hostedCluster: found, journal } : undefined;
  } catch (error) {
    // Main writes none that its own reader refuses.
    if (hasCode(error, "journal-unreadable")) return undefined;
    throw error;
  }
}

function isOwn(run: Journal["run"], own: Journal["run"]): boolean {
  if (own.runId === "" || own.runner === undefined || own.runner === "") return false;
  return (["repository", "runId", "runAttempt", "url", "runner"] as const).every((field) => run[field] === own[field]);
}
