import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { onTestFailed, onTestFinished } from "vitest";
import { runCommand } from "../../e2e/command.ts";
import { entryPath } from "../scenario/scenario.ts";
import { publishedAction } from "../../scripts/workflow-files.ts";
import type { World } from "../world/world.ts";
import { installActions, installStandIns, readCalls, type Answers, type Call, type RoleSession } from "./stand-ins.ts";

const repository = join(import.meta.dirname, "../..");
/** What jobs of this GitHub repository run on. */
const runners = ["ubuntu-latest", "ubuntu-24.04"];

export interface WorkflowOptions {
  readonly event: "push" | "pull_request" | "release" | "schedule" | "workflow_dispatch";
  /** `github.event`. */
  readonly payload?: object;
  readonly secrets: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, string>>;
  /** The repository that the workflow belongs to: content by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Makes that repository one of git, with a commit on main: its jobs see which one they run on. */
  readonly commit?: boolean;
  /** What kubectl, gh and npm answer. */
  readonly answers?: Answers;
  /** What a role gives that a job takes on, by its ARN. */
  readonly roles?: Readonly<Record<string, RoleSession>>;
}

export interface WorkflowResult {
  /** 0 when every job was a success. */
  readonly exitCode: number | null;
  /** What a user reads, summaries included, without colours. */
  readonly log: string;
  /** Calls of kubectl, gh, npm and the action that attests, oldest first. */
  readonly calls: readonly Call[];
}

export interface RunningWorkflow {
  readonly result: Promise<WorkflowResult>;
  /** Cancels it as act does: main gets a SIGKILL, then come the post steps. */
  cancel(): void;
}

/**
 * Starts a workflow as it is written: one of examples/, or one at a path of this repository. It ends, and its folder goes, with
 * the test.
 */
export async function startWorkflow(
  world: Pick<World, "env">,
  name: string,
  options: WorkflowOptions,
): Promise<RunningWorkflow> {
  const file = join(repository, name.includes("/") ? name : `examples/${name}`);
  const folder = await mkdtemp(join(tmpdir(), "workflow-"));
  const place = (path: string): string => join(folder, path);
  await Promise.all(["home", "temp", "repository"].map((path) => mkdir(place(path))));
  for (const [path, content] of Object.entries(options.files ?? {})) {
    await mkdir(dirname(place(`repository/${path}`)), { recursive: true });
    await writeFile(place(`repository/${path}`), content);
  }
  if (options.commit === true) await commitAll(place("repository"));
  await checkOutAction(place("action"));
  await installStandIns(place("programs"), options.answers ?? {});
  const actions = await installActions(place("actions"), options.roles ?? {});
  const workflow = await readFile(file, "utf8");
  await writeFile(place("event.json"), JSON.stringify(options.payload ?? {}));
  await writeFile(place("secrets"), renderVariables(options.secrets), { mode: 0o600 });
  await writeFile(place("vars"), renderVariables(options.vars));
  const child = spawn(
    process.env["ACT_PROGRAM"] ?? "",
    [
      ...[options.event, "--workflows", file, "--directory", place("repository")],
      ...[
        "--no-cache-server",
        "--pull=false",
        "--action-offline-mode",
        `--local-repository=${publishedAction}=${place("action")}`,
        ...[...workflow.matchAll(/uses: ((\S+)@[0-9a-f]{40})/g)].flatMap(([, uses = "", name = ""]) =>
          Object.hasOwn(actions, name) ? `--local-repository=${uses}=${actions[name] ?? ""}` : [],
        ),
      ],
      ...["--eventpath", place("event.json"), "--secret-file", place("secrets"), "--var-file", place("vars")],
      ...runners.flatMap((runner) => ["--platform", `${runner}=-self-hosted`]),
      ...["--env", "GITHUB_REPOSITORY=example/clusters"],
    ],
    {
      cwd: place("repository"),
      // act hands its environment on to the steps.
      env: {
        ...world.env,
        PATH: [place("programs"), dirname(process.execPath), process.env["PATH"]].join(delimiter),
        HOME: place("home"),
        TMPDIR: place("temp"),
        ACT_DISABLE_VERSION_CHECK: "1",
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (log += stripVTControlCharacters(text)));
  const result = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  }).then(async (exitCode): Promise<WorkflowResult> => ({ exitCode, log, calls: await readCalls(place("programs")) }));
  onTestFailed(() => {
    console.log(log);
  });
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await result.catch(() => undefined);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    result,
    cancel: () => {
      child.kill("SIGINT");
    },
  };
}

async function commitAll(folder: string): Promise<void> {
  const author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
  for (const args of [
    ["init", "--quiet", "--initial-branch=main"],
    ["add", "."],
    ["commit", "--quiet", "--message", "Test"],
  ])
    await runCommand("git", [...author, ...args], { cwd: folder });
}

/** What a checkout of the action at a commit holds of what the runner uses. */
async function checkOutAction(folder: string): Promise<void> {
  await mkdir(join(folder, "dist"), { recursive: true });
  await cp(join(repository, "action.yml"), join(folder, "action.yml"));
  await cp(entryPath(), join(folder, "dist"), { recursive: true });
}

function renderVariables(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}

/** Runs such a workflow to its end. */
export async function runWorkflow(
  world: Pick<World, "env">,
  name: string,
  options: WorkflowOptions,
): Promise<WorkflowResult> {
  return (await startWorkflow(world, name, options)).result;
}
