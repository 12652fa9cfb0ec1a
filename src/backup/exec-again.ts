import { hasCode } from "../errors.ts";
import type { ExecOptions, ExecResult, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import type { BackupWorld } from "./world.ts";

/**
 * Runs a command that may run twice, again and again where its connection was cut, its output came up short, or no API
 * server answered; with `podPatienceMs` also where its pod or node is away. Throws the last of these errors, and what
 * `exec` throws.
 */
export async function execAgain(
  pod: ObjectRef & { readonly container: string },
  argv: readonly string[],
  options: ExecOptions,
  { cluster, clock, log, signal }: BackupWorld,
  podPatienceMs = 0,
): Promise<ExecResult> {
  let failedSinceMs: number | undefined;
  let cuts = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      return await cluster.exec(pod, argv, options);
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
      const message = `no answer from pod ${pod.name} (${error.message}); trying again`;
      if (tries === 1) log.info(message);
      else log.debug(message);
      await clock.sleep(Math.min(limits.retryDelayMs * 2 ** tries, limits.retryDelayMaxMs), signal);
    }
  }
}
