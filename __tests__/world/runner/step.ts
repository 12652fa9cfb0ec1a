import type { Mask, Stage } from "./masks.ts";
import type { GithubContext, StepDirectories } from "./step-environment.ts";
import type { Annotation, LogLine } from "./step-log.ts";

export interface StepOptions {
  /** Where action.yml is; absent: this repository. */
  readonly actionDirectory?: string;
  /** A folder whose scripts run in place of those that action.yml names, under the same names; absent: those. */
  readonly entry?: string;
  /** A folder in which Node.js keeps what it compiled for the next process; absent: none, as on a runner. */
  readonly compileCache?: string;
  /** `with:` of the step. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** `with:` as it evaluates for the post step; absent: as for main. */
  readonly postInputs?: Readonly<Record<string, string>>;
  /** `env:` of the step, and all it gets beside what the runner sets. */
  readonly env?: Readonly<Record<string, string>>;
  readonly postEnv?: Readonly<Record<string, string>>;
  /** The secrets of the workflow: masks from the first line on. */
  readonly secrets?: readonly string[];
  readonly github?: Partial<GithubContext>;
  /** Absent: a fresh folder, removed with the step's others. */
  readonly workspace?: string;
  readonly temp?: string;
  /** ACTIONS_STEP_DEBUG. */
  readonly debug?: boolean;
  /** What the runner's waiting times are multiplied with; absent: 1. */
  readonly timeScale?: number;
  readonly node?: string;
  /** Each line when it is printed; `shown` is what a user sees of it. */
  readonly onLine?: (line: LogLine) => void;
}

export type Outcome = "success" | "failure" | "cancelled" | "abandoned";

/** What one process of the step left behind. */
export interface StageResult {
  readonly stage: Stage;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** `cancelled` whatever the exit code; `abandoned`: the runner died, nothing was collected. */
  readonly outcome: Outcome;
  readonly outputs: Readonly<Record<string, string>>;
  readonly state: Readonly<Record<string, string>>;
  /** What it added to the environment and the PATH of later steps. */
  readonly exportedEnv: Readonly<Record<string, string>>;
  readonly exportedPath: readonly string[];
  /** GITHUB_STATE as it was written, also where the runner could not read it. */
  readonly stateFile: string;
  readonly annotations: readonly Annotation[];
  readonly droppedAnnotations: number;
  /** Masked; empty when it was too big to be uploaded. */
  readonly summary: string;
  /** Masked, as a user sees it. */
  readonly log: string;
  readonly rawLog: string;
  readonly lines: readonly LogLine[];
  readonly problems: readonly string[];
  readonly durationMs: number;
}

export interface StepResult extends StageResult {
  /** Names of outputs that could not leave the job, because a mask is in their value. */
  readonly droppedJobOutputs: readonly string[];
  /** Absent: action.yml has none, or the runner did not live to start it. */
  readonly post?: StageResult;
  /** In the order in which they were registered, by main and post. */
  readonly masks: readonly Mask[];
  readonly directories: StepDirectories;
  /** Removes the folders that were made for the step; at the latest the end of this process does. */
  readonly remove: () => void;
}

/**
 * Why a step is cancelled. `user` and `step-timeout` are followed by the post step, with the 285 s that are left of the
 * server's 5 minutes in the first case; `runner-shutdown` is not (StepsRunner.cs).
 */
export type CancelReason = "user" | "step-timeout" | "runner-shutdown";

export interface RunningStep {
  /** Of the stage that runs now. */
  readonly pid: number | undefined;
  readonly stage: Stage;
  readonly directories: StepDirectories;
  /** When main and post are over. */
  readonly result: Promise<StepResult>;
  /**
   * The first line, printed already or later, whose shown text has the pattern (for a predicate: any line). Rejects after
   * `timeoutMs`, or when the step ends without it.
   */
  waitForLog(pattern: string | RegExp | ((line: LogLine) => boolean), timeoutMs: number): Promise<LogLine>;
  /** SIGINT, 7.5 s, SIGTERM, 2.5 s, SIGKILL; a step is cancelled once, and its post step not again. */
  cancel(reason?: CancelReason): void;
  /** SIGKILL, as by the kernel without memory; the post step follows. */
  kill(): void;
  /** SIGKILL and no post step: the machine of the runner is gone. */
  killRunner(): void;
  /** The runner's own process is killed: nobody reads the log of main, which lives on, and there is no post step. */
  abandon(): void;
  /** One signal and nothing else. */
  signal(name: NodeJS.Signals): void;
  /**
   * The post step starts while main still runs, as in a job container, where `docker exec` passes no signal on. Main is
   * ended with the post step.
   */
  loseMain(): void;
}
