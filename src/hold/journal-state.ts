import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import { manualCommands } from "./commands.ts";
import { findJournal, isDead, type Journal } from "./journal.ts";
import type { ObjectRef, WorkflowRuns } from "../ports.ts";

/** Who holds a hosted cluster, and whether they still can. */
export type JournalState =
  | { readonly state: "none" }
  | { readonly state: "alive"; readonly journal: Journal }
  /** `reason` completes "it is dead: …". */
  | { readonly state: "dead"; readonly journal: Journal; readonly reason: string };

/**
 * Reads the journal of a hosted cluster at `now` of the API server's clock. With `runs`, one whose run is over is dead
 * before its deadline. Throws `journal-unreadable`.
 */
export async function readJournalState(
  hostedCluster: HostedCluster,
  now: Date,
  runs: WorkflowRuns | undefined,
): Promise<JournalState> {
  const journal = findJournal(hostedCluster, now);
  if (journal === undefined) return { state: "none" };
  if (isDead(journal, now)) return { state: "dead", journal, reason: `its deadline ${journal.deadline} has passed` };
  if ((await runs?.findRunState(journal.run)) === "completed")
    return { state: "dead", journal, reason: "its workflow run is over" };
  return { state: "alive", journal };
}

/** The run of a journal, for people: its address, or what else the journal says of it. */
export function describeRun({ run, nonce }: Journal): string {
  if (run.url !== "") return run.url;
  return run.runId === "" ? `a run outside of GitHub (nonce ${nonce})` : `run ${run.runId} of ${run.repository}`;
}

/** The findings, line by line, with the commands for a human. */
export function renderJournalState(found: JournalState, ref: ObjectRef): readonly string[] {
  const name = `${ref.namespace}/${ref.name}`;
  if (found.state === "none") return [`no run holds ${name}`];
  const { journal } = found;
  const commands = manualCommands(ref, journal.original).map((command) => `  ${command}`);
  if (found.state === "dead")
    return [
      `${describeRun(journal)} died at phase ${journal.phase}: ${found.reason}`,
      "what is done now can be done by hand as well:",
      ...commands,
    ];
  return [
    `${describeRun(journal)} holds ${name} since ${journal.acquired}, at phase ${journal.phase}, until ${journal.deadline}`,
    "it is left alone: a live run ends by itself, and what a dead one paused HyperShift resumes at that time",
    "where its run is known to be gone, these commands put everything back now:",
    ...commands,
  ];
}
