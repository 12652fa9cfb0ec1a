import { backOffMs } from "../back-off.ts";
import { hasCode } from "../errors.ts";
import type { Clock, Log } from "../ports.ts";
import { limits } from "../time-limits.ts";

/**
 * Does `work` in a pod again and again where its connection was cut, its output came up short, or no API server answered; with
 * `podPatienceMs` also where its pod or node is away. Throws the last of these errors, and any other.
 */
export async function persistInPod<T>(
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
  { pod, podPatienceMs = 0 }: { readonly pod: string; readonly podPatienceMs?: number },
  work: () => Promise<T>,
): Promise<T> {
  let failedSinceMs: number | undefined;
  let cuts = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, "exec-failed", "exec-interrupted", "cluster-unreachable")) throw error;
      failedSinceMs ??= clock.nowMs();
      if (error.code === "exec-interrupted") {
        cuts += 1;
        if (cuts >= limits.execTries) throw error;
      } else {
        const serverPatienceMs = error.code === "cluster-unreachable" ? limits.requestPatienceMs : 0;
        if (clock.nowMs() - failedSinceMs >= Math.max(serverPatienceMs, podPatienceMs)) throw error;
      }
      const message = `no answer from pod ${pod} (${error.message}); trying again`;
      if (tries === 1) log.info(message);
      else log.debug(message);
      // Without chance: one run alone asks one pod.
      await clock.sleep(backOffMs(tries + 1, { ...limits, chance: () => 1 }), signal);
    }
  }
}
