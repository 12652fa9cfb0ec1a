import type { ActionError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Log, ObjectRef, WorkflowRuns } from "../ports.ts";
import { sealedKeyKey, snapshotKeys } from "../snapshots/location.ts";
import { limits } from "../time-limits.ts";
import type { JournalState } from "./journal-state.ts";
import { findJournal, isDead, type Journal } from "./journal.ts";
import { removeLeftovers } from "./leftovers.ts";
import type { EndWorld } from "./own-run.ts";
import { dropJournal, putBack } from "./put-back.ts";
import { confirmBack } from "./writers-return.ts";

/** The parts of the world that looking for dead runs needs. */
export interface RecoverWorld extends EndWorld {
  /** Undefined without a token: a journal is dead by its deadline alone. */
  readonly runs?: WorkflowRuns | undefined;
}

export interface RecoverRequest {
  readonly hostedCluster: ObjectRef;
  readonly prefix: string;
}

/** The outcome for what dead runs left. */
export interface Recovery {
  /** Something that a dead run left was put back or removed. */
  recovered: boolean;
  /**
   * `untouched`: they were not put back, since no dead run had stopped them; `others`: they were put back, and somebody else decides
   * about them since.
   */
  apiServers: "untouched" | "down" | "back" | "others";
  /** In words, as is what follows. */
  removed: readonly string[];
  /** Things that stay, and why. */
  left: readonly string[];
}

/** The journal of a run that still has its lock at `now`. Throws `journal-unreadable`. */
export function findLiveJournal(hostedCluster: HostedCluster, now: Date): Journal | undefined {
  const journal = findJournal(hostedCluster, now);
  return journal === undefined || isDead(journal, now) ? undefined : journal;
}

/**
 * Puts back what a dead run held, removes what dead runs left, and takes the journal away last. Tells `note` what became true
 * as it does. Returns what could not be removed; throws `release-failed` for what could not be put back.
 */
export async function settleDeadRuns(
  request: RecoverRequest,
  world: RecoverWorld,
  given: { readonly found: JournalState; readonly note: (facts: Partial<Recovery>) => void },
): Promise<readonly ActionError[]> {
  const { clock, log } = world;
  const { found, note } = given;
  const ref = request.hostedCluster;
  const dead = found.state === "dead" ? found.journal : undefined;
  const wasStopped = Object.keys(dead?.original.replicas ?? {}).length > 0;
  const unknown: string[] = [];
  if (dead !== undefined) {
    if (wasStopped) note({ apiServers: "down" });
    // A cluster that never lets it be done must not keep this run for ever.
    const signal = AbortSignal.any([world.signal, clock.timeout(limits.undoMs)]);
    await putBack({ ...world, cluster: world.cluster.withSignal(signal) }, ref, dead);
    note({ recovered: true });
    if (world.store === undefined) unknown.push(...tellUnknownStore(request, dead, log));
    note({ left: unknown });
  }
  const { removed, problems } = await removeLeftovers(world, request, {
    now: await world.cluster.readServerTime(),
    ...(found.state === "none" ? {} : { [found.state]: found.journal }),
  });
  for (const what of removed) log.info(`removed ${what}`);
  const left = [...unknown, ...problems.map(({ code, message }) => `${code}: ${message}`)];
  note({ removed, left, ...(removed.length > 0 ? { recovered: true } : {}) });
  if (dead !== undefined) {
    await dropJournal(world, ref, dead.nonce);
    const { original } = dead;
    const areBack = await confirmBack(world, { ref, original, before: original.replicas }, limits.writersReadyMs);
    if (wasStopped) note({ apiServers: areBack ? "back" : "others" });
  }
  return problems;
}

/** Without a store the leftovers of a run there are named by their computed keys. */
function tellUnknownStore(request: RecoverRequest, dead: Journal, log: Log): readonly string[] {
  const run = {
    ...request.hostedCluster,
    prefix: request.prefix,
    acquired: new Date(dead.acquired),
    nonce: dead.nonce,
  };
  return snapshotKeys(run, dead.members).map((key) => {
    const left = `${key} in the store: an open upload, or an object without a record, and its keys ${sealedKeyKey(run)}`;
    log.warning(`there may be ${left}; with the inputs of the store, recover removes it`);
    return left;
  });
}
