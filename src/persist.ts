import { hasCode, type ActionError } from "./errors.ts";
import type { Clock } from "./ports.ts";
import { limits } from "./time-limits.ts";

/** The parts of the world that retried work needs; `signal` ends it. */
export interface PersistWorld {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Does `work` again for as long as what it needs is away, up to a time that leaves enough for what comes after it. */
export async function persist<T>(world: PersistWorld, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.any([world.signal, world.clock.timeout(limits.cleanUpMs)]);
  let last: ActionError | undefined;
  for (;;) {
    try {
      return await work(signal);
    } catch (error) {
      // On time-out, the last real failure tells more than `cancelled`.
      if (hasCode(error, "cancelled") && last !== undefined) throw last;
      // A pod that was replaced has its volume, and with it the files, when its container runs again.
      if (!hasCode(error, "exec-failed", "exec-interrupted", "cluster-unreachable", "store-unreachable")) throw error;
      last = error;
      await world.clock.sleep(limits.undoRetryMs, signal).catch(() => {
        throw error;
      });
    }
  }
}
