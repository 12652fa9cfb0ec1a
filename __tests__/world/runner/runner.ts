import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readActionManifest, type ActionManifest } from "./action-manifest.ts";
import { Masks, type Stage } from "./masks.ts";
import { collectStage } from "./stage-result.ts";
import { printDetails } from "./step-details.ts";
import {
  createFileCommands,
  createStageEnvironment,
  createStepDirectories,
  defaultGithubContext,
  evaluateInputs,
  eventFolder,
  removeStepDirectories,
  type GithubContext,
  type StepDirectories,
} from "./step-environment.ts";
import { StepLog, type LogLine } from "./step-log.ts";
import { startStepProcess, type ProcessEnd, type StepProcess } from "./step-process.ts";
import type { CancelReason, Outcome, RunningStep, StageResult, StepOptions, StepResult } from "./step.ts";

const repository = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

/** JobDispatcher.cs: the worker of a cancelled job is killed 15 s before the server's 5 minutes end. */
const cancelledJobLimitMs = 285_000;

/** Runs a step to its end; see startStep. */
export async function runStep(options: StepOptions = {}): Promise<StepResult> {
  return (await startStep(options)).result;
}

/**
 * Starts the action as GitHub's runner does: a process for main, then one for post, with the runner's environment, files,
 * masks and signals. Rejects when action.yml cannot be read.
 */
export async function startStep(options: StepOptions = {}): Promise<RunningStep> {
  const manifest = await readActionManifest(options.actionDirectory ?? repository);
  const directories = await createStepDirectories(options);
  const github = { ...defaultGithubContext, ...options.github };
  await writeFile(join(directories.temp, eventFolder, "event.json"), JSON.stringify(github.event));
  return new Step(options, manifest, directories, github);
}

class Step implements RunningStep {
  readonly directories: StepDirectories;
  readonly result: Promise<StepResult>;
  readonly #options: StepOptions;
  readonly #manifest: ActionManifest;
  readonly #github: GithubContext;
  readonly #masks = new Masks();
  readonly #lines: LogLine[] = [];
  readonly #listeners = new Set<(line: LogLine | "end") => void>();
  readonly #timeScale: number;
  readonly #lost = Promise.withResolvers<ProcessEnd>();
  readonly #startedMs = performance.now();
  #stage: Stage = "main";
  #process: StepProcess | undefined;
  #cancelled: { reason: CancelReason; stage: Stage; atMs: number } | undefined;
  #runnerDied = false;

  constructor(options: StepOptions, manifest: ActionManifest, directories: StepDirectories, github: GithubContext) {
    this.directories = directories;
    this.#options = options;
    this.#manifest = manifest;
    this.#github = github;
    this.#timeScale = options.timeScale ?? 1;
    for (const secret of [...(options.secrets ?? []), github.token]) {
      this.#masks.add(secret, { source: "job", stage: "main", line: 0 });
    }
    this.result = this.#run().finally(() => {
      for (const listener of this.#listeners) listener("end");
    });
    // Whoever waits for the result sees a rejection; whoever only waits for the log must not end the process by it.
    this.result.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get stage(): Stage {
    return this.#stage;
  }

  cancel(reason: CancelReason = "user"): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = { reason, stage: this.#stage, atMs: performance.now() };
    this.#process?.cancel();
  }

  kill(): void {
    this.#process?.kill();
  }

  killRunner(): void {
    this.#runnerDied = true;
    this.#process?.kill();
  }

  abandon(): void {
    this.#runnerDied = true;
    this.#process?.closeLog();
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.signal(name);
  }

  loseMain(): void {
    if (this.#stage !== "main") return;
    this.#cancelled ??= { reason: "user", stage: "main", atMs: performance.now() };
    this.#lost.resolve({ exitCode: null, signal: null, durationMs: performance.now() - this.#startedMs });
  }

  waitForLog(pattern: string | RegExp | ((line: LogLine) => boolean), timeoutMs: number): Promise<LogLine> {
    const matches = (line: LogLine) => {
      if (typeof pattern === "function") return pattern(line);
      if (line.shown === undefined || line.origin === "details") return false;
      return typeof pattern === "string" ? line.shown.includes(pattern) : new RegExp(pattern, "u").test(line.shown);
    };
    const seen = this.#lines.find(matches);
    if (seen !== undefined) return Promise.resolve(seen);
    return new Promise((found, reject) => {
      const fail = (why: string) => {
        stop();
        const tail = this.#lines.flatMap((line) => line.shown ?? []).slice(-20);
        reject(new Error(`${why}: no line has ${pattern.toString()}. The last lines:\n${tail.join("\n")}`));
      };
      const timer = setTimeout(fail, timeoutMs, `after ${timeoutMs} ms`);
      const listener = (line: LogLine | "end") => {
        if (line === "end") {
          fail("the step ended");
        } else if (matches(line)) {
          stop();
          found(line);
        }
      };
      const stop = () => {
        clearTimeout(timer);
        this.#listeners.delete(listener);
      };
      this.#listeners.add(listener);
    });
  }

  async #run(): Promise<StepResult> {
    const main = await this.#runStage("main", {});
    const follows = !this.#runnerDied && this.#cancelled?.reason !== "runner-shutdown";
    const mainProcess = this.#process;
    const post = follows && this.#manifest.post !== undefined ? await this.#runStage("post", main.state) : undefined;
    mainProcess?.kill();
    await mainProcess?.end;
    return {
      ...main,
      droppedJobOutputs: Object.entries(main.outputs).flatMap(([name, value]) =>
        this.#masks.apply(value) === value ? [] : [name],
      ),
      ...(post === undefined ? {} : { post }),
      masks: this.#masks.registered,
      directories: this.directories,
      remove: () => {
        removeStepDirectories(this.directories);
      },
    };
  }

  async #runStage(stage: Stage, state: Readonly<Record<string, string>>): Promise<StageResult> {
    const { main, post } = this.#manifest;
    const given = (stage === "post" ? this.#options.postInputs : undefined) ?? this.#options.inputs ?? {};
    const env = (stage === "post" ? this.#options.postEnv : undefined) ?? this.#options.env ?? {};
    const inputs = evaluateInputs(this.#manifest, given, this.#github);
    const files = await createFileCommands(this.directories);
    const node = this.#options.node ?? join(repository, "node_modules/.bin/node");
    const trackingId = `embedded_${randomUUID()}`;
    const log = new StepLog({
      stage,
      masks: this.#masks,
      debug: this.#options.debug ?? false,
      onLine: (line) => {
        this.#lines.push(line);
        this.#options.onLine?.(line);
        for (const listener of this.#listeners) listener(line);
      },
    });
    this.#stage = stage;
    printDetails(log, stage, { manifest: this.#manifest, given, inputs, env });
    this.#process = startStepProcess({
      node,
      script: this.#findScript(stage === "post" ? (post ?? main) : main),
      directory: this.directories.workspace,
      environment: createStageEnvironment({
        directories: this.directories,
        files,
        github: this.#github,
        inputs,
        env,
        node,
        trackingId,
        state,
        debug: this.#options.debug ?? false,
        ...(this.#options.compileCache === undefined ? {} : { compileCache: this.#options.compileCache }),
      }),
      trackingId,
      timeScale: this.#timeScale,
      onLine: (line, stream) => {
        log.read(line, stream);
      },
    });
    const end = await this.#waitForEnd(stage, this.#process);
    const outcome = this.#outcome(stage, log, end);
    return collectStage({ stage, end, outcome, log, files, masks: this.#masks });
  }

  #findScript(named: string): string {
    const { entry, actionDirectory = repository } = this.#options;
    return entry === undefined ? resolve(actionDirectory, named) : resolve(entry, basename(named));
  }

  async #waitForEnd(stage: Stage, step: StepProcess): Promise<ProcessEnd> {
    if (stage === "main") {
      // A cancel that came while the folders were made.
      if (this.#cancelled !== undefined) step.cancel();
      if (this.#runnerDied) step.kill();
      return Promise.race([step.end, this.#lost.promise]);
    }
    if (this.#cancelled?.reason !== "user" || this.#cancelled.stage !== "main") return step.end;
    const leftMs = cancelledJobLimitMs * this.#timeScale - (performance.now() - this.#cancelled.atMs);
    const limit = setTimeout(() => {
      this.killRunner();
    }, leftMs);
    return step.end.finally(() => {
      clearTimeout(limit);
    });
  }

  #outcome(stage: Stage, log: StepLog, end: ProcessEnd): Outcome {
    if (this.#runnerDied) return "abandoned";
    if (this.#cancelled?.stage === stage) {
      if (this.#cancelled.reason === "step-timeout") {
        log.report("error", `The action '${this.#manifest.name}' has timed out.`);
        return "failure";
      }
      log.report("error", "The operation was canceled.");
      return "cancelled";
    }
    return end.exitCode === 0 && !log.failed ? "success" : "failure";
  }
}
