import { setTimeout as delay } from "node:timers/promises";
import { ActionError } from "../errors.ts";
import type { Clock } from "../ports.ts";

/** The clocks of this machine. */
export function createClock(): Clock {
  return {
    nowMs: () => Math.round(performance.timeOrigin + performance.now()),
    wallMs: () => Date.now(),
    sleep: async (ms, signal) => {
      try {
        await delay(ms, undefined, signal === undefined ? {} : { signal });
      } catch (error) {
        throw new ActionError("cancelled", "the run was cancelled while it waited", { cause: error });
      }
    },
    timeout: (ms) => AbortSignal.timeout(ms),
  };
}
