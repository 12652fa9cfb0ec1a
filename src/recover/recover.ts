import { ActionError, hasCode } from "../errors.ts";
import { controlPlaneNamespace, writerNames } from "../hypershift/hosted-cluster.ts";
import type { Journal } from "../hypershift/journal.ts";
import type { Log, ObjectRef, WorkflowRuns } from "../ports.ts";
import { snapshotKey } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";
import { checkAccesses } from "./access.ts";
import { confirmBack } from "./after-run.ts";
import type { RecoverWorld } from "./dead-run.ts";
import { readOwner } from "./hosted-cluster.ts";
import { describeRun, readJournalState, renderJournalState, type JournalState } from "./journal-state.ts";
import { removeLeftovers } from "./leftovers.ts";
import { dropJournal, manualCommands, putBack } from "./put-back.ts";

interface RecoverRequest {
  readonly hostedCluster: ObjectRef;
  readonly prefix: string;
}

interface RecoveryWorld extends RecoverWorld {
  /** Aborts when the step is cancelled. */
  readonly signal: AbortSignal;
  /** Undefined without a token: a journal is dead by its deadline alone. */
  readonly runs?: WorkflowRuns | undefined;
}

/** What has become true so far; outputs and summary are made of it, also of a run that failed. */
export interface RecoverReport {
  /** Something that a dead run left was put back or removed. */
  recovered: boolean;
  /** `untouched`: they were not put back, since no dead run had stopped them. */
  apiServers: "untouched" | "down" | "back";
  /** Holds the hosted cluster, and was left alone. */
  holder?: { readonly run: string; readonly phase: string; readonly deadline: string };
  /** In words, as is what follows. */
  removed: readonly string[];
  /** What stays, and why. */
  left: readonly string[];
}

export function createRecoverReport(): RecoverReport {
  return { recovered: false, apiServers: "untouched", removed: [], left: [] };
}

/**
 * Puts one hosted cluster back from what runs left that died: journal, pause, stopped API servers, files in the etcd
 * pods, open uploads and objects without a record. What is alive is left alone; safe at any time and beside anyone.
 * Throws `permission-missing`, `journal-unreadable` and others with nothing touched, `release-failed`, and the problem
 * of what stayed, or `leftovers-remain` for several.
 */
export async function recover(request: RecoverRequest, world: RecoveryWorld, report: RecoverReport): Promise<void> {
  const { log } = world;
  await log.group("Preflight: look whether the permissions suffice, change nothing", async () => {
    await checkAccesses(world.cluster, request.hostedCluster);
    log.info("they do");
  });
  const found = await log.group("Journal: who holds the hosted cluster, and are they alive", () =>
    look(request, world),
  );
  if (found.state === "alive") {
    const { phase, deadline } = found.journal;
    report.holder = { run: describeRun(found.journal), phase, deadline };
  }
  await log.group("Recover: put back and remove what dead runs left", async () => {
    const problems = await settle(request, found, world, report);
    if (problems.length > 0) throw leftoversRemain(problems);
    log.info(report.recovered ? "done" : "there was nothing to do");
  });
}

/**
 * The same at the start of a backup. Preflight tells what stands in the way, with everything else that it finds: only
 * what a dead run changed and could not be put back is thrown here.
 */
export async function recoverFirst(
  request: RecoverRequest,
  world: RecoveryWorld,
  report: RecoverReport,
): Promise<void> {
  const { cluster, log } = world;
  const ref = request.hostedCluster;
  const hostedCluster = await readOwner(cluster, ref).catch((error: unknown) => {
    if (hasCode(error, "permission-missing", "hosted-cluster-not-found", "hosted-cluster-unsuitable")) return undefined;
    throw error;
  });
  if (hostedCluster === undefined) return;
  const found = await readJournalState(hostedCluster, await cluster.readServerTime(), world.runs);
  if (found.state === "alive") return;
  const settleAndTell = async (): Promise<void> => {
    for (const { code, message } of await settle(request, found, world, report))
      log.info(`what dead runs may have left was not looked for everywhere (${code}: ${message})`);
  };
  if (found.state === "none") return settleAndTell();
  await log.group("Recover: put back what a run that died left", async () => {
    for (const line of renderJournalState(found, ref)) log.info(line);
    await checkAccesses(cluster, ref);
    await settleAndTell();
  });
}

async function look(request: RecoverRequest, world: RecoveryWorld): Promise<JournalState> {
  const { cluster, log } = world;
  const ref = request.hostedCluster;
  const hostedCluster = await readOwner(cluster, ref);
  try {
    const found = await readJournalState(hostedCluster, await cluster.readServerTime(), world.runs);
    for (const line of renderJournalState(found, ref)) log.info(line);
    if (found.state === "none") await tellStopped(ref, world);
    return found;
  } catch (error) {
    if (hasCode(error, "journal-unreadable")) {
      log.info("nothing was touched; when no backup is running, this resumes the cluster and takes the journal away:");
      for (const command of manualCommands(ref, unknownOriginal)) log.info(`  ${command}`);
    }
    throw error;
  }
}

/** HyperShift knows the replicas that it starts again. */
const unknownOriginal: Journal["original"] = { pausedUntil: null, replicas: {} };

/** API servers at 0 without a journal: somebody took it away, or stopped them for a reason of their own. */
async function tellStopped(ref: ObjectRef, { cluster, log }: RecoveryWorld): Promise<void> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const deployments = await Promise.all(writerNames.map((name) => cluster.findDeployment({ namespace, name })));
  const stopped = deployments.flatMap((deployment) => (deployment?.replicas === 0 ? deployment.name : []));
  if (stopped.length === 0) return;
  log.warning(`${stopped.join(", ")} is scaled to 0, and no journal says by whom; nothing of that was changed`);
  log.info("where nobody wants it so, this makes HyperShift start them again:");
  for (const command of manualCommands(ref, unknownOriginal)) log.info(`  ${command}`);
}

/** Puts back, then removes, and takes the journal away last. Returns what could not be removed. */
async function settle(
  request: RecoverRequest,
  found: JournalState,
  world: RecoveryWorld,
  report: RecoverReport,
): Promise<readonly ActionError[]> {
  const { clock, log } = world;
  const ref = request.hostedCluster;
  const dead = found.state === "dead" ? found.journal : undefined;
  if (dead !== undefined) {
    const stopped = Object.keys(dead.original.replicas).length > 0;
    if (stopped) report.apiServers = "down";
    // A cluster that never lets it be done must not keep this run for ever.
    const signal = AbortSignal.any([world.signal, clock.timeout(limits.undoMs)]);
    await putBack({ ...world, cluster: world.cluster.withSignal(signal) }, ref, dead);
    report.recovered = true;
    if (world.store === undefined) report.left = [tellUnknownStore(request, dead, log)];
  }
  const { removed, problems } = await removeLeftovers(world, request, {
    now: await world.cluster.readServerTime(),
    ...(found.state === "none" ? {} : { [found.state]: found.journal }),
  });
  for (const what of removed) log.info(`removed ${what}`);
  report.removed = removed;
  report.recovered ||= removed.length > 0;
  report.left = [...report.left, ...problems.map(({ code, message }) => `${code}: ${message}`)];
  if (dead !== undefined) {
    await dropJournal(world, ref, dead.nonce);
    await confirmBack(world, ref, dead.original, limits.writersReadyMs);
    if (report.apiServers === "down") report.apiServers = "back";
  }
  return problems;
}

/** Without a store its leftovers are named by their computed key. */
function tellUnknownStore(request: RecoverRequest, dead: Journal, log: Log): string {
  const run = { ...request.hostedCluster, acquired: new Date(dead.acquired), nonce: dead.nonce };
  const left = `${snapshotKey({ ...run, prefix: request.prefix })} in the store: an open upload, or an object without a record`;
  log.warning(`there may be ${left}; with the inputs of the store, recover removes it`);
  return left;
}

function leftoversRemain(problems: readonly ActionError[]): ActionError {
  const [first, ...others] = problems;
  if (first !== undefined && others.length === 0) return first;
  const lines = problems.map(
    ({ code, message, hint }) => `- ${code}: ${message}${hint === undefined ? "" : ` (${hint})`}`,
  );
  return new ActionError(
    "leftovers-remain",
    `not everything that dead runs left could be removed:\n${lines.join("\n")}`,
    {
      hint: "mend what is listed and run again",
    },
  );
}
