import { hasCode } from "../errors.ts";
import { settleDeadRuns, type Recovery, type RecoverRequest, type RecoverWorld } from "../hold/dead-run.ts";
import { readJournalState, renderJournalState } from "../hold/journal-state.ts";
import { writerEntries } from "../hold/journal.ts";
import { assertRecoverAllowed } from "../preflight/access.ts";
import { readOwner } from "../preflight/hosted-cluster.ts";
import type { Note } from "./world.ts";

/**
 * Puts back what a run that died left, and removes its leftovers; HyperShift may have put the writers back since, its files
 * are still there. Preflight tells what stands in the way, with everything else that it finds: only what a dead run changed
 * and could not be put back is thrown here.
 */
export async function recoverFirst(request: RecoverRequest, world: RecoverWorld, note: Note): Promise<void> {
  const { cluster, log } = world;
  const ref = request.hostedCluster;
  const hostedCluster = await readOwner(cluster, ref).catch((error: unknown) => {
    if (hasCode(error, "permission-missing", "hosted-cluster-not-found", "hosted-cluster-unsuitable")) return undefined;
    throw error;
  });
  if (hostedCluster === undefined) return;
  const found = await readJournalState(hostedCluster, hostedCluster.answeredAt, world.runs);
  if (found.state === "alive") return;
  const settle = async (): Promise<void> => {
    for (const { code, message } of await settleDeadRuns(request, world, { found, note: noteIn(note) }))
      log.info(`what dead runs may have left was not looked for everywhere (${code}: ${message})`);
  };
  if (found.state === "none") return settle();
  await log.group("Recover: put back what a run that died left", async () => {
    for (const line of renderJournalState(found, ref)) log.info(line);
    const quiesced = writerEntries(found.journal.original.replicas).length > 0;
    await assertRecoverAllowed(cluster, ref, { quiesced });
    await settle();
  });
}

/** For a backup, API servers that are back were never stopped by it. */
function noteIn(note: Note): (facts: Partial<Recovery>) => void {
  return ({ recovered, apiServers }) => {
    note({
      ...(recovered === undefined ? {} : { recovered }),
      ...(apiServers === undefined ? {} : { apiServers: apiServers === "down" ? "down" : "never-stopped" }),
    });
  };
}
