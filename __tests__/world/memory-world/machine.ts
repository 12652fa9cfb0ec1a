import { ActionError } from "../../../src/errors.ts";
import type { Clock } from "../../../src/ports.ts";
import type { Timeline } from "./timeline.ts";

/**
 * One process on a runner, as the action sees it from within: its clock, its signal, and its end. Nothing comes back to a
 * process that was killed, so that its code stands still for ever wherever it waits.
 */
export class Machine {
  readonly clock: Clock;
  readonly #timeline: Timeline;
  readonly #cancelled = new AbortController();
  readonly #killed = Promise.withResolvers<"killed">();
  #alive = true;
  /** For how long it was suspended in all: its monotonic clock is so much behind. */
  #suspendedMs = 0;
  #awakeAtMs = 0;
  /** How far its wall clock was set forward since it started. */
  #steppedMs = 0;

  /** `skewMs`: how far its clock is ahead of the world's. */
  constructor(timeline: Timeline, skewMs = 0) {
    this.#timeline = timeline;
    this.clock = {
      nowMs: () => timeline.nowMs() + skewMs - this.#suspendedMs,
      wallMs: () => timeline.nowMs() + skewMs + this.#steppedMs,
      sleep: (ms, signal) => this.sleep(ms, signal),
      timeout: (ms) => {
        // As AbortSignal.timeout.
        if (ms < 0) throw new RangeError(`there is no time-out of ${String(ms)} ms`);
        const ended = new AbortController();
        const endMs = this.clock.nowMs() + ms;
        const look = (): void => {
          const leftMs = endMs - this.clock.nowMs();
          if (leftMs > 0) timeline.after(leftMs, look);
          else if (this.#alive) ended.abort(new DOMException("The time is over", "TimeoutError"));
        };
        timeline.after(ms, look);
        return ended.signal;
      },
    };
  }

  /** Nothing runs on it for so long, and its monotonic clock stands still. */
  suspend(ms: number): void {
    this.#suspendedMs += ms;
    this.#awakeAtMs = Math.max(this.#awakeAtMs, this.#timeline.nowMs()) + ms;
  }

  /** Sets its wall clock forward, or back, as NTP does. */
  step(ms: number): void {
    this.#steppedMs += ms;
  }

  /** Resolves when it is not suspended. */
  async awake(): Promise<void> {
    while (this.#awakeAtMs > this.#timeline.nowMs())
      await this.#timeline.sleep(this.#awakeAtMs - this.#timeline.nowMs());
  }

  get alive(): boolean {
    return this.#alive;
  }

  get signal(): AbortSignal {
    return this.#cancelled.signal;
  }

  /** Resolves when the process is killed. */
  get killed(): Promise<"killed"> {
    return this.#killed.promise;
  }

  /** SIGINT: what the entry of the action does with it. */
  cancel(): void {
    if (this.#alive && !this.signal.aborted)
      this.#cancelled.abort(new ActionError("cancelled", "the step was cancelled", { hint: "run it again" }));
  }

  /** SIGKILL, or the machine itself. */
  kill(): void {
    this.#alive = false;
    this.#killed.resolve("killed");
  }

  /**
   * What `work` comes to, for the process; for a dead one it never settles. Rejects with code `cancelled` when `signal` aborts
   * first, and without having begun when it had aborted before.
   */
  receive<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        if (this.#alive) reject(new ActionError("cancelled", "a call was interrupted", { cause: signal?.reason }));
      };
      if (signal?.aborted === true) {
        cancel();
        return;
      }
      signal?.addEventListener("abort", cancel, { once: true });
      const settle = (end: () => void): void => {
        if (this.#awakeAtMs > this.#timeline.nowMs()) {
          void this.awake().then(() => {
            settle(end);
          });
          return;
        }
        signal?.removeEventListener("abort", cancel);
        if (this.#alive) end();
      };
      work().then(
        (value) => {
          settle(() => {
            resolve(value);
          });
        },
        (error: unknown) => {
          settle(() => {
            reject(error instanceof Error ? error : new Error("something that is no error was thrown"));
          });
        },
      );
    });
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const endMs = this.clock.nowMs() + ms;
    const wait = async (): Promise<void> => {
      await this.#timeline.sleep(ms);
      for (let leftMs = endMs - this.clock.nowMs(); leftMs > 0; leftMs = endMs - this.clock.nowMs())
        await this.#timeline.sleep(leftMs);
    };
    return this.receive(wait, signal);
  }
}
