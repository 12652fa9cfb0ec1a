export interface Worker {
  /** Something changed: reconcile, or once more when a reconcile is under way. */
  wake(): void;
  stop(): void;
}

/**
 * One worker, as a controller has for one object: never two reconciles at once; a change during one leads to another.
 * A reconcile returns the time at which it wants to run again without any event.
 */
export function startWorker(reconcile: () => Promise<Date | undefined>, now: () => Date): Worker {
  let running = false;
  let again = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const run = async (): Promise<void> => {
    running = true;
    clearTimeout(timer);
    let next: Date | undefined;
    do {
      again = false;
      next = await reconcile().catch(retrySoon);
    } while (isWanted());
    running = false;
    if (next && !stopped) {
      // Longer timers than this overflow; the reconcile then finds that it is too early.
      const delayMs = Math.min(Math.max(0, next.getTime() - now().getTime()), 2 ** 30);
      timer = setTimeout(() => void run(), delayMs);
      timer.unref();
    }
  };
  const isWanted = (): boolean => again && !stopped;
  // A conflict or an answer that did not come: as a controller does, the whole reconcile is done again.
  const retrySoon = (): Date => new Date(now().getTime() + 50);

  return {
    wake: () => {
      if (stopped) return;
      if (running) again = true;
      else void run();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
