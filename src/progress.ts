import { renderBytes } from "./bytes.ts";
import type { Clock, Log } from "./ports.ts";

const minuteMs = 60_000;

/**
 * Returns what takes the bytes that are done by now, and logs them with rate and time left: a line each 5 s in the first
 * minute, then each 30 s, since a log that grows for hours is read by nobody. `done` is the verb: "sent", "read", "saved".
 */
export function createProgress(
  { clock, log }: { readonly clock: Pick<Clock, "nowMs">; readonly log: Pick<Log, "info"> },
  done: string,
  totalBytes: number,
): (doneBytes: number) => void {
  const startedMs = clock.nowMs();
  let toldMs = startedMs;
  return (doneBytes) => {
    const nowMs = clock.nowMs();
    const everyMs = nowMs - startedMs <= minuteMs ? 5_000 : 30_000;
    if (nowMs - toldMs < everyMs || doneBytes === 0) return;
    toldMs = nowMs;
    const rate = doneBytes / ((nowMs - startedMs) / 1000);
    const leftSeconds = Math.ceil(Math.max(0, totalBytes - doneBytes) / rate);
    log.info(
      `${done} ${renderBytes(doneBytes)} of ${renderBytes(totalBytes)}, ${renderBytes(rate)}/s, ${String(leftSeconds)} s left`,
    );
  };
}
