import { ActionError, hasCode } from "../errors.ts";
import type { WriterName } from "../hypershift/hosted-cluster.ts";
import type { Clock, Log, ManagementCluster, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import type { Pause } from "./pause.ts";
import type { Writer } from "./terms.ts";

/** The parts of the world that stopping the writers needs; `signal` ends it. */
export interface WritersWorld {
  readonly cluster: Pick<ManagementCluster, "findDeployment" | "listPods" | "scaleDeployment">;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const rescales = 3;

/** The generation of each stopped writer's deployment; another one later means that somebody changed it. */
type StoppedWriters = ReadonlyMap<WriterName, number>;

/**
 * Scales the writers to 0 in parallel and waits until no pod of theirs is left: for as long as it drains, an API server
 * answers writes. A writer that HyperShift brings back by a reconciliation from before the pause is scaled down again.
 * Each order names the version of the deployment that was read, and is sent once: an order that arrives late does nothing,
 * and an order that was not answered is decided anew. Throws `writers-not-stopped`, `hold-lost`.
 */
export async function stopWriters(
  world: WritersWorld,
  {
    namespace,
    writers,
    holdMs,
  }: { readonly namespace: string; readonly writers: readonly Writer[]; readonly holdMs: number },
  pause: Pause,
): Promise<StoppedWriters> {
  const { clock, signal, log } = world;
  const giveUpMs = clock.nowMs() + holdMs - limits.holdSlackMs + limits.podGoneSlackMs;
  const stopped = new Set<WriterName>();
  let left = Infinity;
  let timesBack = 0;
  for (;;) {
    const states = await Promise.all(writers.map((writer) => readWriter(world, namespace, writer)));
    const running = states.filter(({ replicas }) => replicas > 0);
    const back = running.filter(({ name }) => stopped.has(name)).map(({ name }) => name);
    for (const { name, replicas } of states) if (replicas === 0) stopped.add(name);
    if (running.length > 0) {
      // Somebody who resumed HyperShift wants them back.
      await pause.assertMayStop(stopped.size === 0 ? limits.captureReserveMs : 0);
      if (back.length > 0) {
        timesBack += 1;
        if (timesBack > rescales)
          throw notStopped(`${back.join(", ")} came back ${String(timesBack)} times although HyperShift is paused`);
        log.info(`${back.join(", ")} came back and is stopped again`);
      }
      const orders = await Promise.all(running.map((writer) => orderStop(world, namespace, writer)));
      const ordered = orders.flat();
      for (const name of ordered) stopped.add(name);
      if (ordered.length === running.length) continue;
    }
    const pods = states.flatMap((state) => state.pods);
    if (pods.length === 0 && running.length === 0)
      return new Map(states.map(({ name, generation }) => [name, generation]));
    if (pods.length !== left && running.length === 0)
      log.info(`waiting for the pods of the writers to end, ${String(pods.length)} are left`);
    left = pods.length;
    if (clock.nowMs() >= giveUpMs)
      throw notStopped(
        running.length > 0
          ? `${running.map(({ name }) => name).join(", ")} could not be scaled to 0`
          : `pod ${pods.join(", ")} did not end within its grace period`,
      );
    await clock.sleep(limits.pollMs, signal);
    if (running.length === 0) await waitForEnd(world, namespace, writers);
  }
}

/**
 * Waits until none of `writers` has a pod, for a few seconds at most: then all of them are to be looked at, since one may have
 * come back. Asks for nothing else, and in the end for the slowest alone.
 */
async function waitForEnd(world: WritersWorld, namespace: string, writers: readonly Writer[]): Promise<void> {
  const { clock, signal } = world;
  const untilMs = clock.nowMs() + limits.rescaleLookMs;
  let left = writers;
  for (;;) {
    const pods = await Promise.all(left.map((writer) => listRunning(world, namespace, writer)));
    left = left.filter((_, index) => (pods[index] ?? []).length > 0);
    if (left.length === 0 || clock.nowMs() >= untilMs) return;
    await clock.sleep(limits.pollMs, signal);
  }
}

/** Throws `hold-lost` when a writer has a pod, wants one, or was changed since it was stopped. */
export async function assertStopped(
  world: WritersWorld,
  { namespace, writers }: { readonly namespace: string; readonly writers: readonly Writer[] },
  stopped: StoppedWriters,
): Promise<void> {
  const states = await Promise.all(writers.map((writer) => readWriter(world, namespace, writer)));
  const changed = states.filter(
    ({ name, replicas, generation, pods }) => replicas > 0 || pods.length > 0 || generation !== stopped.get(name),
  );
  if (changed.length > 0)
    throw new ActionError(
      "hold-lost",
      `${changed.map(({ name }) => name).join(", ")} was started while the snapshot was opened`,
      {
        hint: "find out who scales the API servers (GitOps, an autoscaler, a human) and keep them away during a backup",
      },
    );
}

/** Returns the writer where it took the order; where somebody else changed it, or it did not answer, it is looked at again. */
async function orderStop(
  world: WritersWorld,
  namespace: string,
  { name, resourceVersion }: WriterState,
): Promise<readonly WriterName[]> {
  const ref: ObjectRef = { namespace, name };
  try {
    await world.cluster.scaleDeployment(ref, 0, { resourceVersion, once: true });
    return [name];
  } catch (error) {
    if (!hasCode(error, "hold-conflict", "cluster-unreachable")) throw error;
    world.log.debug(`${name} was not scaled to 0 (${error.message}); it is looked at again`);
    return [];
  }
}

interface WriterState {
  readonly name: WriterName;
  readonly replicas: number;
  readonly generation: number;
  readonly resourceVersion: string;
  readonly pods: readonly string[];
}

/** Names of its pods; one that has ended does not write. */
async function listRunning(
  { cluster }: WritersWorld,
  namespace: string,
  { matchLabels }: Writer,
): Promise<readonly string[]> {
  const pods = await cluster.listPods(namespace, matchLabels);
  return pods.filter(({ phase }) => phase !== "Succeeded" && phase !== "Failed").map(({ name }) => name);
}

/** A deployment that is gone wants nothing. */
async function readWriter(world: WritersWorld, namespace: string, writer: Writer): Promise<WriterState> {
  const { name } = writer;
  const [deployment, pods] = await Promise.all([
    world.cluster.findDeployment({ namespace, name }),
    listRunning(world, namespace, writer),
  ]);
  return {
    name,
    replicas: deployment?.replicas ?? 0,
    generation: deployment?.generation ?? 0,
    resourceVersion: deployment?.resourceVersion ?? "",
    pods,
  };
}

function notStopped(problem: string): ActionError {
  return new ActionError("writers-not-stopped", problem, {
    hint: "look at the deployments and pods named; no snapshot was taken, and the API servers are being put back",
  });
}
