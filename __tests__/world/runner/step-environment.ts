import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import type { ActionManifest } from "./action-manifest.ts";

export interface StepDirectories {
  readonly workspace: string;
  /** RUNNER_TEMP. */
  readonly temp: string;
  readonly home: string;
  /** Everything that was made for this step; what the caller gave is outside. */
  readonly base: string;
}

/** The runner's own folders below RUNNER_TEMP; nothing in them was left there by the action. */
export const fileCommandsFolder = "_runner_file_commands";
export const eventFolder = "_github_workflow";

const leftovers = new Set<string>();
process.on("exit", () => {
  for (const directory of leftovers) rmSync(directory, { recursive: true, force: true });
});

/** Makes fresh folders; they are removed by `removeStepDirectories`, at the latest when this process exits. */
export async function createStepDirectories(given: { workspace?: string; temp?: string }): Promise<StepDirectories> {
  const base = await mkdtemp(join(tmpdir(), "runner-"));
  leftovers.add(base);
  const directories = {
    base,
    home: join(base, "home"),
    workspace: given.workspace ?? join(base, "work", "repository", "repository"),
    temp: given.temp ?? join(base, "work", "_temp"),
  };
  for (const directory of [directories.home, directories.workspace, directories.temp]) {
    await mkdir(directory, { recursive: true });
  }
  for (const folder of [fileCommandsFolder, eventFolder])
    await mkdir(join(directories.temp, folder), { recursive: true });
  return directories;
}

export function removeStepDirectories(directories: StepDirectories): void {
  rmSync(directories.base, { recursive: true, force: true });
  leftovers.delete(directories.base);
}

/** What GitHub tells a step about its run; each has a default that a scenario may replace. */
export interface GithubContext {
  readonly repository: string;
  readonly runId: string;
  readonly runAttempt: string;
  readonly workflow: string;
  readonly job: string;
  /** RUNNER_NAME. */
  readonly runner: string;
  readonly actor: string;
  readonly sha: string;
  readonly ref: string;
  readonly eventName: string;
  readonly event: unknown;
  readonly serverUrl: string;
  readonly apiUrl: string;
  /** `${{ github.token }}` of an input's default; always a mask. */
  readonly token: string;
}

export const defaultGithubContext: GithubContext = {
  repository: "example/clusters",
  runId: "7001",
  runAttempt: "1",
  workflow: "backup",
  job: "backup",
  runner: "embedded",
  actor: "octocat",
  sha: "0123456789abcdef0123456789abcdef01234567",
  ref: "refs/heads/main",
  eventName: "workflow_dispatch",
  event: {},
  serverUrl: "https://github.com",
  // Nothing listens there: a scenario that wants an API gives its own, and none reaches GitHub by accident.
  apiUrl: "http://127.0.0.1:9",
  token: "",
};

export const fileCommandNames = ["output", "state", "env", "path", "step_summary"] as const;
export type FileCommandName = (typeof fileCommandNames)[number];
export type FileCommandPaths = Readonly<Record<FileCommandName, string>>;

/** Empty files, new for each stage, as FileCommandManager.InitializeFiles makes them. */
export async function createFileCommands(directories: StepDirectories): Promise<FileCommandPaths> {
  const suffix = randomUUID();
  const path = (name: FileCommandName) => join(directories.temp, fileCommandsFolder, `${name}_${suffix}`);
  for (const name of fileCommandNames) await writeFile(path(name), "");
  return {
    output: path("output"),
    state: path("state"),
    env: path("env"),
    path: path("path"),
    step_summary: path("step_summary"),
  };
}

/** The inputs a stage gets: those given, else the defaults of action.yml (Dictionary of ActionRunner.cs, any case). */
export function evaluateInputs(
  manifest: ActionManifest,
  given: Readonly<Record<string, string>>,
  github: GithubContext,
): Map<string, string> {
  const inputs = new Map(Object.entries(given));
  const names = new Set([...inputs.keys()].map((name) => name.toLowerCase()));
  for (const [name, input] of manifest.inputs) {
    if (names.has(name.toLowerCase()) || input.default === undefined) continue;
    inputs.set(name, input.default.replace(/\$\{\{\s*github\.token\s*\}\}/g, github.token));
  }
  return inputs;
}

export interface StageEnvironmentOptions {
  readonly directories: StepDirectories;
  readonly files: FileCommandPaths;
  readonly github: GithubContext;
  readonly inputs: ReadonlyMap<string, string>;
  readonly state: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly node: string;
  readonly trackingId: string;
  readonly debug: boolean;
  readonly compileCache?: string;
}

/**
 * The whole environment of the process: nothing is inherited, so no proxy and no credential of the machine gets in. All but
 * the cache of compiled code is what the runner sets.
 */
export function createStageEnvironment(options: StageEnvironmentOptions): Record<string, string> {
  const { directories, files, github } = options;
  const environment: Record<string, string> = {
    PATH: [dirname(options.node), "/usr/local/bin", "/usr/bin", "/bin"].join(delimiter),
    HOME: directories.home,
    LANG: "C.UTF-8",
    ...options.env,
    CI: "true",
    GITHUB_ACTIONS: "true",
    GITHUB_ACTION: "__self",
    GITHUB_ACTOR: github.actor,
    GITHUB_TRIGGERING_ACTOR: github.actor,
    GITHUB_API_URL: github.apiUrl,
    GITHUB_GRAPHQL_URL: `${github.apiUrl}/graphql`,
    GITHUB_SERVER_URL: github.serverUrl,
    GITHUB_EVENT_NAME: github.eventName,
    GITHUB_EVENT_PATH: join(directories.temp, eventFolder, "event.json"),
    GITHUB_JOB: github.job,
    GITHUB_REF: github.ref,
    GITHUB_REF_NAME: github.ref.replace(/^refs\/(?:heads|tags)\//, ""),
    GITHUB_REF_TYPE: github.ref.startsWith("refs/tags/") ? "tag" : "branch",
    GITHUB_REPOSITORY: github.repository,
    GITHUB_REPOSITORY_OWNER: github.repository.replace(/\/.*/, ""),
    GITHUB_RUN_ID: github.runId,
    GITHUB_RUN_NUMBER: "1",
    GITHUB_RUN_ATTEMPT: github.runAttempt,
    GITHUB_SHA: github.sha,
    GITHUB_WORKFLOW: github.workflow,
    GITHUB_WORKFLOW_REF: `${github.repository}/.github/workflows/${github.workflow}.yml@${github.ref}`,
    GITHUB_WORKSPACE: directories.workspace,
    GITHUB_OUTPUT: files.output,
    GITHUB_STATE: files.state,
    GITHUB_ENV: files.env,
    GITHUB_PATH: files.path,
    GITHUB_STEP_SUMMARY: files.step_summary,
    RUNNER_NAME: github.runner,
    RUNNER_ENVIRONMENT: "self-hosted",
    RUNNER_OS: "Linux",
    RUNNER_ARCH: process.arch === "arm64" ? "ARM64" : "X64",
    RUNNER_TEMP: directories.temp,
    RUNNER_TOOL_CACHE: join(directories.base, "tools"),
    RUNNER_WORKSPACE: dirname(directories.workspace),
    RUNNER_TRACKING_ID: options.trackingId,
    ...(options.debug ? { RUNNER_DEBUG: "1" } : {}),
    ...(options.compileCache === undefined ? {} : { NODE_COMPILE_CACHE: options.compileCache }),
  };
  for (const [name, value] of Object.entries(options.state)) environment[`STATE_${name}`] = value;
  // Only blanks are replaced: INPUT_S3-BUCKET keeps its dash (Handler.AddInputsToEnvironment).
  for (const [name, value] of options.inputs) environment[`INPUT_${name.replaceAll(" ", "_").toUpperCase()}`] = value;
  return environment;
}
