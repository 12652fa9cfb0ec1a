import { constants } from "node:os";
import type { LogLine } from "../../__tests__/world/runner/step-log.ts";
import type { StepResult } from "../../__tests__/world/runner/step.ts";
import type { RunOptions, StepInputs, World } from "../../__tests__/world/world.ts";
import { writePage, renderSummary } from "./summary.ts";

/** Ends the demo with one line instead of a stack trace. */
export class DemoError extends Error {}

const secretInputs = ["kubeconfig", "s3-secret-access-key", "age-identity"];

/** What is printed and what is started: everything that was started ends with the demo. */
export class Stage {
  /** Resolves to the exit code when somebody ends the demo early; rejects when it takes too long. */
  readonly stopped = Promise.withResolvers<number>();
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #pagesFolder: string | undefined;
  #ending = false;

  /** Summaries are written as pages to `pagesFolder`, where one is given. */
  constructor(pagesFolder: string | undefined) {
    this.#pagesFolder = pagesFolder;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.on(signal, () => {
        this.stopped.resolve(128 + constants.signals[signal]);
      });
    process.stdout.on("error", () => {
      this.stopped.resolve(1);
    });
  }

  /** Begins a part; throws when the demo is ending, so that nothing is started any more. */
  heading(text: string): void {
    if (this.#ending) throw new DemoError("stopped");
    console.log(`\n${text}`);
  }

  say(text: string): void {
    console.log(`   ${text}`.trimEnd());
  }

  /** Closes what is being started here when the demo ends, also when it ends before the start is over. */
  own<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
    this.#closers.push(() =>
      starting.then(
        (started) => started.close(),
        () => undefined,
      ),
    );
    return starting;
  }

  /** Runs main and post of the action, and prints the log and the summary that a user would see. */
  async runStep(world: World, inputs: StepInputs, options: RunOptions = {}): Promise<StepResult> {
    const secrets = secretInputs.flatMap((name) => inputs[name] ?? []);
    this.say("- uses: ./");
    this.say("  with:");
    for (const [name, value] of Object.entries(inputs).filter(([, given]) => given !== ""))
      this.say(`    ${name}: ${secretInputs.includes(name) ? secretExpression(name) : value}`);
    this.say("");
    const result = await world.run(inputs, {
      secrets,
      onLine: (line) => {
        this.#printLine(line);
      },
      ...options,
    });
    const summary = `${result.summary}${result.post?.summary ?? ""}`;
    this.say("");
    this.say("The summary of the run:");
    for (const line of renderSummary(summary)) this.say(`│ ${line}`);
    if (this.#pagesFolder !== undefined)
      this.say(`(as a page: ${await writePage(this.#pagesFolder, inputs["mode"] ?? "", summary)})`);
    return result;
  }

  /** Ends everything that was started, the last first. */
  async close(): Promise<void> {
    this.#ending = true;
    await Promise.allSettled(this.#closers.reverse().map((close) => close()));
  }

  /** As GitHub shows it, what is in a group below its title; the runner's own list of inputs is left out. */
  #printLine({ kind, origin, shown }: LogLine): void {
    if (shown === undefined || origin === "details" || (origin === "runner" && kind === "group")) return;
    const indent = kind === "group" || origin === "runner" ? "" : "  ";
    for (const line of shown.split("\n")) this.say(`│ ${indent}${line}`);
  }
}

/** True where main and post succeeded. */
export function isGreen({ outcome, post }: StepResult): boolean {
  return outcome === "success" && post?.outcome === "success";
}

function secretExpression(input: string): string {
  return `\${{ secrets.${input.replaceAll("-", "_").toUpperCase()} }}`;
}
