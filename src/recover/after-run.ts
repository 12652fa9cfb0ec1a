import { ActionError, hasCode } from "../errors.ts";
import { journalAnnotation, type Journal } from "../hypershift/journal.ts";
import type { ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { settleRun, type RecoverWorld } from "./dead-run.ts";
import { manualCommands, waitForWriters, type PutBackWorld } from "./put-back.ts";

/**
 * The post step: does the undo of its own run again when main did not get to the end of it (killed, out of memory, out
 * of time), and waits until the API servers are back. Throws `release-failed` with the commands for a human.
 */
export async function finishRun(
  world: RecoverWorld,
  ref: ObjectRef,
  run: Pick<Journal, "nonce" | "acquired" | "deadline" | "phase" | "original" | "members">,
  prefix: string,
): Promise<void> {
  const { clock, cluster, store } = world;
  const endMs = clock.nowMs() + limits.postMs;
  const signal = clock.timeout(limits.postMs);
  const bounded = { ...world, signal, cluster: cluster.withSignal(signal), store: store?.withSignal(signal) };
  try {
    await settleRun(bounded, ref, run, prefix);
    // A look that is under way when the time is over must still be able to tell.
    const waitMs = Math.max(0, endMs - limits.requestTimeoutMs - clock.nowMs());
    await confirmBack(bounded, ref, run.original, waitMs);
  } catch (error) {
    // Nobody cancels a post step: its time is over.
    if (!hasCode(error, "cancelled", "cluster-unreachable")) throw error;
    throw new ActionError(
      "release-failed",
      `whether everything of ${ref.namespace}/${ref.name} was put back could not be seen: the API server did not answer in time`,
      { hint: `to put everything back by hand: ${manualCommands(ref, run.original).join(" ; ")}`, cause: error },
    );
  }
}

/** Waits until the API servers of a run that was put back are ready. Throws `release-failed` with the commands for a human. */
export async function confirmBack(
  world: PutBackWorld,
  ref: ObjectRef,
  original: Journal["original"],
  limitMs: number,
): Promise<void> {
  const before = await findOthers(world, ref);
  if (before !== undefined) {
    world.log.info(before);
    return;
  }
  const down = await waitForWriters(world, ref, original.replicas, world.clock.timeout(limitMs));
  // Whoever stopped them while they were waited for is found at the end.
  const after = down.length === 0 ? "the API servers are back" : await findOthers(world, ref);
  if (after === undefined)
    throw new ActionError("release-failed", `${down.join(", ")} of ${ref.namespace}/${ref.name} did not come back`, {
      hint: `look at their pods; to put everything back by hand: ${manualCommands(ref, original).join(" ; ")}`,
    });
  world.log.info(after);
}

/** Why the API servers are nothing to wait for, in words: somebody else decides about them now. */
async function findOthers({ cluster }: PutBackWorld, ref: ObjectRef): Promise<string | undefined> {
  const name = `${ref.namespace}/${ref.name}`;
  const hostedCluster = await cluster.findHostedCluster(ref);
  if (hostedCluster === undefined || hostedCluster.deleting)
    return `${name} was deleted meanwhile; its API servers are not waited for`;
  if (hostedCluster.annotations[journalAnnotation] !== undefined)
    return `${name} is held by another run now, which brings its API servers back itself`;
  return undefined;
}
