import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { onTestFailed, onTestFinished } from "vitest";
import { entryPath } from "../action/scenario.ts";
import type { World } from "../fakes/world.ts";
import { installStandIns, readCalls, type Answers, type Call } from "./stand-ins.ts";

const repository = join(import.meta.dirname, "../..");
const action = "OWNER/hypershift-etcd-backup-action@COMMIT";
/** What jobs of this GitHub repository run on. */
const runners = ["ubuntu-latest", "ubuntu-24.04"];

export interface WorkflowOptions {
  readonly event: "push" | "pull_request" | "schedule" | "workflow_dispatch";
  /** `github.event`. */
  readonly payload?: object;
  readonly secrets: Readonly<Record<string, string>>;
  readonly vars: Readonly<Record<string, string>>;
  /** The repository that the workflow belongs to: content by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** What kubectl and gh answer. */
  readonly answers?: Answers;
}

export interface WorkflowResult {
  /** 0 when every job was a success. */
  readonly exitCode: number | null;
  /** What a user reads, summaries included, without colours. */
  readonly log: string;
  /** Calls of kubectl and gh, oldest first. */
  readonly calls: readonly Call[];
}

export interface RunningWorkflow {
  readonly result: Promise<WorkflowResult>;
  /** Cancels it as act does: main gets a SIGKILL, then come the post steps. */
  cancel(): void;
}

/** Starts examples/<name> as it is written; it ends, and its folder goes, with the test. */
export async function startWorkflow(world: World, name: string, options: WorkflowOptions): Promise<RunningWorkflow> {
  const folder = await mkdtemp(join(tmpdir(), "workflow-"));
  const place = (path: string): string => join(folder, path);
  await Promise.all(["home", "temp", "repository"].map((path) => mkdir(place(path))));
  for (const [path, content] of Object.entries(options.files ?? {})) {
    await mkdir(dirname(place(`repository/${path}`)), { recursive: true });
    await writeFile(place(`repository/${path}`), content);
  }
  await checkOutAction(place("action"));
  await installStandIns(place("programs"), options.answers ?? {});
  await writeFile(place("event.json"), JSON.stringify(options.payload ?? {}));
  await writeFile(place("secrets"), renderVariables(options.secrets), { mode: 0o600 });
  await writeFile(place("vars"), renderVariables(options.vars));
  const child = spawn(
    process.env["ACT_PROGRAM"] ?? "",
    [
      ...[options.event, "--workflows", join(repository, "examples", name), "--directory", place("repository")],
      ...[
        "--no-cache-server",
        "--pull=false",
        "--action-offline-mode",
        `--local-repository=${action}=${place("action")}`,
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

/** What a checkout of the action at a commit holds of what the runner uses. */
async function checkOutAction(folder: string): Promise<void> {
  await mkdir(join(folder, "dist"), { recursive: true });
  await cp(join(repository, "action.yml"), join(folder, "action.yml"));
  await cp(entryPath(), join(folder, "dist/index.js"));
  await writeFile(join(folder, "dist/package.json"), '{ "type": "module" }\n');
}

function renderVariables(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}

/** Runs examples/<name> to its end. */
export async function runWorkflow(world: World, name: string, options: WorkflowOptions): Promise<WorkflowResult> {
  return (await startWorkflow(world, name, options)).result;
}
