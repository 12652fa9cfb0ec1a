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

  /** `skewMs`: how far its clock is ahead of the world's. */
  constructor(timeline: Timeline, skewMs = 0) {
    this.#timeline = timeline;
    this.clock = {
      nowMs: () => timeline.nowMs() + skewMs,
      sleep: (ms, signal) => this.sleep(ms, signal),
      timeout: (ms) => {
        // As AbortSignal.timeout.
        if (ms < 0) throw new RangeError(`there is no time-out of ${String(ms)} ms`);
        const ended = new AbortController();
        timeline.after(ms, () => {
          if (this.#alive) ended.abort(new DOMException("The time is over", "TimeoutError"));
        });
        return ended.signal;
      },
    };
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
    return this.receive(() => this.#timeline.sleep(ms), signal);
  }
}
