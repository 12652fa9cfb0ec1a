import { describeError, type ActionError } from "../errors.ts";
import type { HoldWorld, Lock } from "../hold/lock.ts";
import type { Writer } from "../hold/terms.ts";
import { confirmRelease, countReady } from "../hold/writers-return.ts";
import type { Clock } from "../ports.ts";
import { limits } from "../time-limits.ts";
import type { Note } from "./world.ts";

/** The wait for API servers that were started again, beside the rest of the backup. */
export interface Release {
  /** The failure that keeps them from being back; undefined once they are. */
  readonly ended: Promise<ActionError | undefined>;
}

/** Nothing was stopped. */
export const nothingReleased: Release = { ended: Promise.resolve(undefined) };

/**
 * The result of `work` while the API servers start. Notes which of them are down, and how long they were. The wait ends
 * with the work.
 */
export async function whileStarting<T>(
  world: HoldWorld,
  {
    lock,
    writers,
    stoppedAtMs,
    note,
  }: {
    readonly lock: Lock;
    readonly writers: readonly Writer[];
    readonly stoppedAtMs: number;
    readonly note: Note;
  },
  work: (release: Release) => Promise<T>,
): Promise<T> {
  const { clock, log } = world;
  const over = new AbortController();
  const signal = AbortSignal.any([world.signal, over.signal]);
  let isBack = false;
  const ended = confirmRelease(
    { ...world, signal, cluster: world.cluster.withSignal(signal) },
    { ref: lock.ref, original: lock.journal.original },
    {
      before: countReady(writers),
      now: () => lock.now(),
      onLook: (down) => {
        note({ downWriters: down });
        if (down.length > 0 || isBack) return;
        isBack = true;
        const apiDowntimeSeconds = Math.round((clock.nowMs() - stoppedAtMs) / 100) / 10;
        note({ apiServers: "back", apiDowntimeSeconds });
        log.info(`the API servers are back after ${String(apiDowntimeSeconds)} s`);
      },
    },
  ).then(
    () => undefined,
    (error: unknown) => describeError(error),
  );
  try {
    return await work({ ended });
  } finally {
    over.abort();
    await ended;
  }
}

/** The record names the downtime where it is known soon; a cancelled run does not wait for it. */
export async function waitForRelease(
  { ended }: Release,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  await Promise.race([ended, clock.sleep(limits.recordPatienceMs, signal).catch(() => undefined)]);
}
