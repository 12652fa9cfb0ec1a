import { ActionError, hasCode } from "../errors.ts";
import { typeToPutBack } from "../hold/commands.ts";
import type { Replicas } from "../hold/journal.ts";
import { settleRun, type EndWorld, type OwnRun } from "../hold/own-run.ts";
import { confirmBack } from "../hold/writers-return.ts";
import { limits } from "../time-limits.ts";

/**
 * The post step: does the undo of its own run again when main did not get to the end of it (killed, out of memory, out
 * of time), and waits until the API servers are back as they were before, as confirmBack does. Throws `release-failed` with the commands for a human.
 */
export async function finishRun(world: Omit<EndWorld, "signal">, run: OwnRun, before: Replicas): Promise<boolean> {
  const { clock, cluster, store } = world;
  const { ref, held } = run;
  const { original } = held;
  const endMs = clock.nowMs() + limits.postMs;
  const signal = clock.timeout(limits.postMs);
  const bounded = { ...world, signal, cluster: cluster.withSignal(signal), store: store?.withSignal(signal) };
  try {
    await settleRun(bounded, run);
    // A look that is under way when the time is over must still be able to tell.
    const waitMs = Math.max(0, endMs - limits.requestTimeoutMs - clock.nowMs());
    return await confirmBack(bounded, { ref, original, before }, waitMs);
  } catch (error) {
    // Nobody cancels a post step: its time is over.
    if (!hasCode(error, "cancelled", "cluster-unreachable")) throw error;
    throw new ActionError(
      "release-failed",
      `whether everything of ${ref.namespace}/${ref.name} was put back could not be seen: the API server did not answer in time`,
      { hint: `to put everything back by hand:${typeToPutBack(ref, original)}`, cause: error },
    );
  }
}
