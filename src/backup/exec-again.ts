import { hasCode } from "../errors.ts";
import type { ExecOptions, ExecResult, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import type { BackupWorld } from "./world.ts";

/**
 * Runs a command that may run twice, again and again where its connection was cut or its output came up short; an API
 * server that is away is waited for, and for `podPatienceMs` a pod. Throws the last of these errors, and what `exec` throws.
 */
export async function execAgain(
  pod: ObjectRef & { readonly container: string },
  argv: readonly string[],
  options: ExecOptions,
  { cluster, clock, log, signal }: BackupWorld,
  podPatienceMs = 0,
): Promise<ExecResult> {
  let cuts = 0;
  let awaySinceMs: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await cluster.exec(pod, argv, options);
    } catch (error) {
      if (hasCode(error, "cluster-unreachable", "exec-failed")) {
        awaySinceMs ??= clock.nowMs();
        const patienceMs = error.code === "exec-failed" ? podPatienceMs : limits.requestPatienceMs;
        if (clock.nowMs() - awaySinceMs >= patienceMs) throw error;
      } else if (hasCode(error, "exec-interrupted")) {
        awaySinceMs = undefined;
        cuts += 1;
        if (cuts >= limits.execTries) throw error;
      } else throw error;
      const message = `no answer from pod ${pod.name} (${error.message}); trying again`;
      if (attempt === 1) log.info(message);
      else log.debug(message);
      await clock.sleep(Math.min(limits.retryDelayMs * 2 ** attempt, limits.retryDelayMaxMs), signal);
    }
  }
}
