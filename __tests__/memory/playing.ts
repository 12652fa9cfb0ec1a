import type { Timeline } from "../world/memory-world/timeline.ts";

/** Plays calls one after the other, each with the time that it needs: for tests that know nothing of a timeline. */
export function playEach(timeline: Timeline): <T>(call: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (call) => {
    const next = last.then(() => timeline.play(call()));
    last = next.catch(() => undefined);
    return next;
  };
}
