import type { Clock } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { formatTime } from "../time.ts";

/**
 * The API server's time, by the last answer that told it. Neither clock of this machine is trusted for it: the monotonic
 * one stands still through a suspend, and the wall clock is set by others.
 */
export class ServerClock {
  readonly #clock: Clock;
  #answeredMs = 0;
  #monotonicMs = 0;
  #wallMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The answer of `read`. It may be old where this machine was suspended meanwhile, or its time was set: it is asked
   * for anew then.
   */
  async readFresh<T>(read: () => Promise<T>): Promise<T> {
    for (;;) {
      const before = this.#driftMs();
      const answer = await read();
      if (Math.abs(this.#driftMs() - before) <= limits.clockDriftMs) return answer;
    }
  }

  /**
   * Goes by a new answer from now on. Returns, in words, where no time that may have passed here explains it: API servers
   * differ in their clocks. Undefined where all is well.
   */
  see(answeredAt: Date): string | undefined {
    const apart = this.compare(answeredAt);
    this.#answeredMs = answeredAt.getTime();
    this.#monotonicMs = this.#clock.nowMs();
    this.#wallMs = this.#clock.wallMs();
    return apart;
  }

  /** Compares as `see` does, and still goes by the answer before. */
  compare(answeredAt: Date): string | undefined {
    const before = this.#answeredMs;
    const passedMs = answeredAt.getTime() - before;
    const [leastMs, mostMs] = this.#passedMs();
    const isExplained =
      passedMs >= leastMs - limits.serverClocksApartMs && passedMs <= mostMs + limits.serverClocksApartMs;
    if (before === 0 || isExplained) return undefined;
    return `it answered at ${formatTime(new Date(before))}, and ${String(Math.round(mostMs / 1000))} s later at ${formatTime(answeredAt)}`;
  }

  /** How late it is, as far as this machine can tell. */
  nowMs(): number {
    return this.#answeredMs + this.#passedMs()[1];
  }

  /** This machine was suspended, or its time was set, since the last answer: only a new one says how late it is. */
  get isDoubtful(): boolean {
    return Math.abs(this.#driftMs() - (this.#wallMs - this.#monotonicMs)) > limits.clockDriftMs;
  }

  #driftMs(): number {
    return this.#clock.wallMs() - this.#clock.nowMs();
  }

  /** Since the last answer, by the clock that says less, and by the one that says more. */
  #passedMs(): readonly [number, number] {
    const monotonicMs = this.#clock.nowMs() - this.#monotonicMs;
    const wallMs = this.#clock.wallMs() - this.#wallMs;
    return [Math.min(monotonicMs, wallMs), Math.max(monotonicMs, wallMs)];
  }
}
