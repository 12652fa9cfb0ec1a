import type { TimeSource } from "../management-cluster/clock.ts";

interface Entry {
  readonly atMs: number;
  /** Of two at the same time the one that was asked for first is first. */
  readonly order: number;
  readonly work: () => void;
}

/** What a run may ask of the timeline before it is taken for endless. */
const mostEvents = 400_000;

/** How often something may compute on where nothing is to come; what waits for nothing is told after a moment. */
const mostTurns = 1000;

/**
 * Time that passes only when everything waits for it: what happens is worked off in its order, and between two happenings
 * every promise that can go on has gone on. So a run of an hour takes milliseconds, and takes the same course each time.
 */
export class Timeline implements TimeSource {
  readonly #entries: Entry[] = [];
  #nowMs: number;
  #order = 0;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, work: () => void): () => void {
    const entry = { atMs: this.#nowMs + Math.max(0, ms), order: (this.#order += 1), work };
    let low = 0;
    let high = this.#entries.length;
    // Sorted from last to first, so that the next one is taken from the end.
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#entries[middle];
      if (other !== undefined && (other.atMs > entry.atMs || (other.atMs === entry.atMs && other.order > entry.order)))
        low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, entry);
    return () => {
      const index = this.#entries.indexOf(entry);
      if (index >= 0) this.#entries.splice(index, 1);
    };
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Lets time pass until `promise` is settled. Throws when nothing is left that could settle it. */
  async play<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const end = (): void => {
      settled = true;
    };
    promise.then(end, end);
    await this.#playUntil(() => settled, "a promise that nothing settles");
    return promise;
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    await this.play(this.sleep(ms));
  }

  async #playUntil(isOver: () => boolean, what: string): Promise<void> {
    for (let events = 0; events < mostEvents; events += 1) {
      await everythingWaits();
      // A long computation gives the event loop turns, of which nothing here knows.
      for (let turns = 0; turns < mostTurns && this.#entries.length === 0 && !isOver(); turns += 1)
        await everythingWaits();
      if (isOver()) return;
      const next = this.#entries.pop();
      if (next === undefined) throw new Error(`the timeline waits for ${what}`);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.work();
    }
    throw new Error(`after ${String(mostEvents)} events the timeline still waits for ${what}`);
  }
}

/** Immediates come after every promise that can go on, and whatever those make able to. */
function everythingWaits(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
