/** The clock of the whole world: API server, operators, object dates. It may be skewed, and can be moved on. */
export class WorldClock {
  #offsetMs: number;
  readonly #listeners = new Set<() => void>();

  constructor(skewMs = 0) {
    this.#offsetMs = skewMs;
  }

  nowMs(): number {
    return Date.now() + this.#offsetMs;
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
