import type { WorldClock } from "./clock.ts";

export interface Worker {
  /** Something changed: reconcile, or once more when a reconcile is under way. */
  wake(): void;
  stop(): void;
}

/**
 * One worker, as a controller has for one object: never two reconciles at once; a change during one leads to another.
 * A reconcile returns the time at which it wants to run again without any event.
 */
export function startWorker(
  reconcile: () => Promise<Date | undefined>,
  clock: Pick<WorldClock, "now" | "after">,
): Worker {
  let running = false;
  let again = false;
  let stopped = false;
  let callOff = (): void => undefined;

  const run = async (): Promise<void> => {
    running = true;
    callOff();
    let next: Date | undefined;
    do {
      again = false;
      next = await reconcile().catch(retrySoon);
    } while (isWanted());
    running = false;
    if (next && !stopped) {
      // Longer timers than this overflow; the reconcile then finds that it is too early.
      const delayMs = Math.min(Math.max(0, next.getTime() - clock.now().getTime()), 2 ** 30);
      callOff = clock.after(delayMs, () => void run());
    }
  };
  const isWanted = (): boolean => again && !stopped;
  // A conflict or an answer that did not come: as a controller does, the whole reconcile is done again.
  const retrySoon = (): Date => new Date(clock.now().getTime() + 50);

  return {
    wake: () => {
      if (stopped) return;
      if (running) again = true;
      else void run();
    },
    stop: () => {
      stopped = true;
      callOff();
    },
  };
}
