/** Where time comes from: this machine, or a timeline that a test plays. */
export interface TimeSource {
  /** Milliseconds since the epoch. */
  nowMs(): number;
  /** Runs `work` after `ms`, and keeps no process for it; returns what calls it off. */
  after(ms: number, work: () => void): () => void;
}

export const machineTime: TimeSource = {
  nowMs: () => Date.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    timer.unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** The clock of the whole world: API server, operators, object dates. It may be skewed, and can be moved on. */
export class WorldClock {
  #offsetMs: number;
  readonly #source: TimeSource;
  readonly #listeners = new Set<() => void>();

  constructor(skewMs = 0, source: TimeSource = machineTime) {
    this.#offsetMs = skewMs;
    this.#source = source;
  }

  nowMs(): number {
    return this.#source.nowMs() + this.#offsetMs;
  }

  /** Runs `work` after `ms`; returns what calls it off. */
  after(ms: number, work: () => void): () => void {
    return this.#source.after(ms, work);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  now(): Date {
    return new Date(this.nowMs());
  }

  /** `2026-11-22T05:43:28Z`: the form of dates in Kubernetes objects. */
  timestamp(inMs = 0): string {
    return new Date(this.nowMs() + inMs).toISOString().replace(/\.\d+Z$/, "Z");
  }

  /** Moves the world's time on, as if so much time had passed for the API server and the operators at once. */
  advance(ms: number): void {
    this.#offsetMs += ms;
    for (const listener of this.#listeners) listener();
  }

  onAdvance(listener: () => void): void {
    this.#listeners.add(listener);
  }
}
