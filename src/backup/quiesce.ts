import type { HoldWorld, Lock } from "../hold/lock.ts";
import { Pause } from "../hold/pause.ts";
import type { Writer } from "../hold/terms.ts";
import { assertStopped, stopWriters } from "../hold/writers.ts";
import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import { limits } from "../time-limits.ts";
import { formatTime } from "../time.ts";
import { seconds, type Note } from "./world.ts";

/** The writers to stop, and for how long at most before the hold is renewed. */
export interface QuiesceTerms {
  readonly writers: readonly Writer[];
  readonly holdMs: number;
  readonly note: Note;
}

/**
 * The result of `open` while no API server can write to etcd: the pause is confirmed, the writers are stopped, and they
 * are started again as soon as `open` ends. Throws `hold-lost` where somebody came between. `stoppedAtMs` is the time
 * of the first order.
 */
export async function whileStopped<T>(
  world: HoldWorld,
  lock: Lock,
  { terms, open }: { readonly terms: QuiesceTerms; readonly open: () => Promise<T> },
): Promise<{ readonly opened: T; readonly stoppedAtMs: number }> {
  const { log, clock } = world;
  const { writers, holdMs, note } = terms;
  const pause = new Pause(lock, world);
  const stopping = { namespace: controlPlaneNamespace(lock.ref.namespace, lock.ref.name), writers, holdMs };
  await log.group("Hold: pause HyperShift's reconciliation", async () => {
    await pause.confirm();
    note({ pausedAt: formatTime(lock.now()) });
    log.info(`paused until ${lock.journal.deadline} at the latest`);
  });
  note({ apiServers: "down", downWriters: writers.map(({ name }) => name) });
  const stoppedAtMs = clock.nowMs();
  const stopped = await pause.during(async (signal) => {
    const bound = { ...world, signal, cluster: world.cluster.withSignal(signal) };
    return log.group("Hold: stop the API servers that write to etcd", async () => {
      const generations = await stopWriters(bound, stopping, pause);
      log.info(`stopped after ${seconds(clock.nowMs() - stoppedAtMs)}`);
      return generations;
    });
  });
  const opened = await log.group("Capture: open a snapshot, then let the API servers start", async () => {
    await lock.enter("capture", { reserveMs: limits.captureReserveMs });
    await pause.confirm();
    const result = await open();
    await Promise.all([lock.assertHeld(), assertStopped(world, stopping, stopped)]);
    await pause.release();
    note({ resumedAt: formatTime(lock.now()) });
    log.info(
      `API servers started and reconciliation resumed ${seconds(clock.nowMs() - stoppedAtMs)} after they were stopped`,
    );
    return result;
  });
  return { opened, stoppedAtMs };
}
