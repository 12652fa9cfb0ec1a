import type { StepResult } from "../world/runner/step.ts";
import type { ApiOutage } from "../scenario/api-outage.ts";

/** What a strike cost, over all runs that were struck. */
export class CrashFigures {
  readonly #title: string;
  #runs = 0;
  #struck = 0;
  #leaks = 0;
  readonly #scaledUpMs: number[] = [];
  readonly #readyMs: number[] = [];
  readonly #postMs: number[] = [];
  readonly #outageMs: number[] = [];
  readonly #recoverMs: number[] = [];

  constructor(title: string) {
    this.#title = title;
  }

  /** Each process that main was started as. */
  addRun(result: StepResult): void {
    this.#runs += 1;
    if (result.post !== undefined) this.#postMs.push(result.post.durationMs);
  }

  /** What was found not to be as it must be after a run. */
  addProblems(problems: readonly string[]): void {
    this.#leaks += problems.filter((problem) => problem.startsWith("leak:")).length;
  }

  /** One that waits until the API servers are back. */
  addRecover({ durationMs }: StepResult): void {
    this.#recoverMs.push(durationMs);
  }

  /** One that ended by what struck it; API servers that were up at that moment tell nothing. */
  addEnd(struckAtMs: number, { stoppedAtMs = Infinity, scaledUpAtMs, readyAtMs }: ApiOutage): void {
    this.#struck += 1;
    if (stoppedAtMs > struckAtMs || scaledUpAtMs === undefined || scaledUpAtMs < struckAtMs) return;
    this.#scaledUpMs.push(scaledUpAtMs - struckAtMs);
    if (readyAtMs !== undefined) this.#readyMs.push(readyAtMs - struckAtMs);
  }

  addOutage({ stoppedAtMs, readyAtMs }: ApiOutage): void {
    if (stoppedAtMs !== undefined && readyAtMs !== undefined) this.#outageMs.push(readyAtMs - stoppedAtMs);
  }

  render(): string {
    return [
      `${this.#title}: ${String(this.#runs)} runs, ${String(this.#struck)} of them cut short`,
      `from the strike to API servers scaled up ${renderTimes(this.#scaledUpMs)}, ready ${renderTimes(this.#readyMs)}`,
      `post step ${renderTimes(this.#postMs)}; recover ${renderTimes(this.#recoverMs)}; longest API outage ${seconds(Math.max(0, ...this.#outageMs))}; leaks ${String(this.#leaks)}`,
    ].join("; ");
  }
}

function renderTimes(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined ? "never" : `p50 ${seconds(middle)}, max ${seconds(sorted.at(-1) ?? middle)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
