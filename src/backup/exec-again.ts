import { hasCode, type ActionError } from "../errors.ts";
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
  for (let tries = 1; ; tries += 1) {
    try {
      return await cluster.exec(pod, argv, options);
    } catch (error) {
      if (!hasCode(error, "exec-failed", "exec-interrupted", "cluster-unreachable")) throw error;
      failedSinceMs ??= clock.nowMs();
      const awayMs = clock.nowMs() - failedSinceMs;
      if (awayMs >= podPatienceMs && isLasting(error, tries, awayMs)) throw error;
      const message = `no answer from pod ${pod.name} (${error.message}); trying again`;
      if (tries === 1) log.info(message);
      else log.debug(message);
      await clock.sleep(Math.min(limits.retryDelayMs * 2 ** tries, limits.retryDelayMaxMs), signal);
    }
  }
}

function isLasting({ code }: ActionError, tries: number, awayMs: number): boolean {
  if (code === "cluster-unreachable") return awayMs >= limits.requestPatienceMs;
  return code === "exec-failed" || tries >= limits.execTries;
}
