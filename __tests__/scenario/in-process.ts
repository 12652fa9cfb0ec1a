import { appendFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { bindRunner, readGiven, type Core } from "../../src/action/runner.ts";
import { createClock } from "../../src/adapters/clock.ts";
import { runOn } from "../../src/run.ts";
import { readActionManifest } from "../world/runner/action-manifest.ts";
import { Masks, type Stage } from "../world/runner/masks.ts";
import { collectStage } from "../world/runner/stage-result.ts";
import { printDetails } from "../world/runner/step-details.ts";
import {
  createFileCommands,
  createStageEnvironment,
  createStepDirectories,
  defaultGithubContext,
  evaluateInputs,
  eventFolder,
  removeStepDirectories,
  type FileCommandPaths,
  type GithubContext,
} from "../world/runner/step-environment.ts";
import { StepLog } from "../world/runner/step-log.ts";
import type { StageResult, StepResult } from "../world/runner/step.ts";
import type { StepInputs, World } from "../world/world.ts";

const repository = resolve(import.meta.dirname, "../..");

/**
 * Runs the source in this process, main and then post, as the runner would; for steps that refuse, or that change nothing.
 * It takes a tenth of the time of a process, and is none: signals, the loading of the bundle and the process's own
 * environment are not in it.
 */
export async function runInProcess(
  world: World,
  inputs: StepInputs,
  changed: Partial<GithubContext> = {},
): Promise<StepResult> {
  const github = { ...defaultGithubContext, ...changed };
  const manifest = await readActionManifest(repository);
  const directories = await createStepDirectories({ workspace: world.workspace });
  await writeFile(join(directories.temp, eventFolder, "event.json"), JSON.stringify(github.event));
  await trustStore(world);
  const masks = new Masks();
  world.noteSecrets(inputs);
  const runStage = async (stage: Stage, state: Readonly<Record<string, string>>): Promise<StageResult> => {
    const startedMs = performance.now();
    const files = await createFileCommands(directories);
    const log = new StepLog({
      stage,
      masks,
      debug: false,
      onLine: (line) => {
        world.addLine(line);
      },
    });
    const evaluated = evaluateInputs(manifest, inputs, github);
    printDetails(log, stage, { manifest, given: inputs, inputs: evaluated, env: world.env });
    const environment = createStageEnvironment({
      directories,
      files,
      github,
      inputs: evaluated,
      state,
      env: world.env,
      node: process.execPath,
      trackingId: "in-process",
      debug: false,
    });
    const runner = bindRunner(createCore(log, files), {
      given: readGiven(environment),
      environment,
      clock: createClock(),
    });
    const exitCode = await runOn(runner, stage, new AbortController().signal);
    const end = { exitCode, signal: null, durationMs: performance.now() - startedMs };
    return collectStage({ stage, end, outcome: exitCode === 0 ? "success" : "failure", log, files, masks });
  };
  const main = await runStage("main", {});
  const post = await runStage("post", main.state);
  return {
    ...main,
    droppedJobOutputs: [],
    post,
    masks: masks.registered,
    directories,
    remove: () => {
      removeStepDirectories(directories);
    },
  };
}

/** NODE_EXTRA_CA_CERTS is read when a process starts. */
async function trustStore({ env }: World): Promise<void> {
  const certificate = await readFile(env["NODE_EXTRA_CA_CERTS"] ?? "", "utf8");
  setDefaultCACertificates([...getCACertificates("bundled"), certificate]);
}

/** Prints and writes as @actions/core does. */
function createCore(log: StepLog, files: FileCommandPaths): Core {
  const print = (text: string): void => {
    for (const line of text.split("\n")) log.read(line, "stdout");
  };
  const escape = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  const append = (file: string, name: string, value: string): void => {
    appendFileSync(file, `${name}<<delimiter_of_the_core\n${value}\ndelimiter_of_the_core\n`);
  };
  let summary = "";
  return {
    info: print,
    debug: (message) => {
      print(`::debug::${escape(message)}`);
    },
    warning: (message) => {
      print(`::warning::${escape(message)}`);
    },
    error: (message, { title }) => {
      print(`::error title=${escape(title)}::${escape(message)}`);
    },
    group: async (name, run) => {
      print(`::group::${name}`);
      try {
        return await run();
      } finally {
        print("::endgroup::");
      }
    },
    setSecret: (secret) => {
      print(`::add-mask::${escape(secret)}`);
    },
    setOutput: (name, value) => {
      append(files.output, name, value);
    },
    saveState: (name, value) => {
      append(files.state, name, value);
    },
    summary: {
      addHeading: (text, level) => {
        summary += `<h${level}>${text}</h${level}>\n`;
      },
      addRaw: (text) => {
        summary += `${text}\n`;
      },
      addTable: (rows) => {
        const cells = rows.map((row) => row.map(renderCell).join(""));
        summary += `<table>${cells.map((row) => `<tr>${row}</tr>`).join("")}</table>\n`;
      },
      write: () => writeFile(files.step_summary, summary),
    },
  };
}

function renderCell(cell: string | { readonly data: string; readonly header: boolean }): string {
  if (typeof cell === "string") return `<td>${cell}</td>`;
  return cell.header ? `<th>${cell.data}</th>` : `<td>${cell.data}</td>`;
}
