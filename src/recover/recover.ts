import { ActionError, hasCode } from "../errors.ts";
import { manualCommands } from "../hold/commands.ts";
import { settleDeadRuns, type Recovery, type RecoverRequest, type RecoverWorld } from "../hold/dead-run.ts";
import { describeRun, readJournalState, renderJournalState, type JournalState } from "../hold/journal-state.ts";
import type { Journal } from "../hold/journal.ts";
import { findDownWriters } from "../hold/writers-return.ts";
import { controlPlaneNamespace, writerNames } from "../hypershift/hosted-cluster.ts";
import type { ObjectRef } from "../ports.ts";
import { assertRecoverAllowed } from "../preflight/access.ts";
import { readOwner } from "../preflight/hosted-cluster.ts";

/** The outcome so far; outputs and summary are made of it, also of a run that failed. */
export interface RecoverReport extends Recovery {
  /** Holds the hosted cluster, and was left alone. */
  holder?: {
    readonly run: string;
    readonly phase: string;
    readonly deadline: string;
    /** API servers that it stopped, and that are not ready now. */
    readonly down: readonly string[];
  };
}

export function createRecoverReport(): RecoverReport {
  return { recovered: false, apiServers: "untouched", removed: [], left: [] };
}

/**
 * Puts one hosted cluster back from what runs left that died: journal, pause, stopped API servers, files in the etcd
 * pods, open uploads and objects that never had a record. A live run is left alone; safe at any time and beside anyone.
 * Throws `permission-missing`, `journal-unreadable` and others with nothing touched, `release-failed`, and the problem
 * of what stayed, or `leftovers-remain` for several.
 */
export async function recover(request: RecoverRequest, world: RecoverWorld, report: RecoverReport): Promise<void> {
  const { log } = world;
  await log.group("Preflight: look whether the permissions suffice, change nothing", async () => {
    await assertRecoverAllowed(world.cluster, request.hostedCluster);
    log.info("they do");
  });
  const found = await log.group("Journal: who holds the hosted cluster, and are they alive", () =>
    readAndTell(request.hostedCluster, world),
  );
  if (found.state === "alive") {
    const { phase, deadline } = found.journal;
    const namespace = controlPlaneNamespace(request.hostedCluster.namespace, request.hostedCluster.name);
    const down = await findDownWriters(world.cluster, namespace, found.journal.original.replicas);
    report.holder = { run: describeRun(found.journal), phase, deadline, down };
  }
  await log.group("Recover: put back and remove what dead runs left", async () => {
    const note = (facts: Partial<Recovery>): void => {
      Object.assign(report, facts);
    };
    const problems = await settleDeadRuns(request, world, { found, note });
    if (problems.length > 0) throw leftoversRemain(problems);
    log.info(report.recovered ? "done" : "there was nothing to do");
  });
}

async function readAndTell(ref: ObjectRef, world: RecoverWorld): Promise<JournalState> {
  const { cluster, log } = world;
  const hostedCluster = await readOwner(cluster, ref);
  try {
    const found = await readJournalState(hostedCluster, hostedCluster.answeredAt, world.runs);
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
async function tellStopped(ref: ObjectRef, { cluster, log }: RecoverWorld): Promise<void> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const deployments = await Promise.all(writerNames.map((name) => cluster.findDeployment({ namespace, name })));
  const stopped = deployments.flatMap((deployment) => (deployment?.replicas === 0 ? deployment.name : []));
  if (stopped.length === 0) return;
  log.warning(`${stopped.join(", ")} is scaled to 0, and no journal says by whom; nothing of that was changed`);
  log.info("where nobody wants it so, this makes HyperShift start them again:");
  for (const command of manualCommands(ref, unknownOriginal)) log.info(`  ${command}`);
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
