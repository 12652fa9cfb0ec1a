import { readFile } from "node:fs/promises";
import { parsePairs, summaryLimitBytes } from "./file-commands.ts";
import type { Masks, Stage } from "./masks.ts";
import type { FileCommandPaths } from "./step-environment.ts";
import type { StepLog } from "./step-log.ts";
import type { ProcessEnd } from "./step-process.ts";
import type { Outcome, StageResult } from "./step.ts";

export interface EndedStage {
  readonly stage: Stage;
  readonly end: ProcessEnd;
  readonly outcome: Outcome;
  readonly log: StepLog;
  readonly files: FileCommandPaths;
  readonly masks: Masks;
}

/** Reads the five files, also of a process that was killed (ActionRunner's `finally`), but not when the runner died. */
export async function collectStage({ stage, end, outcome, log, files, masks }: EndedStage): Promise<StageResult> {
  const collected = outcome !== "abandoned";
  const text = async (path: string) => (collected ? await readText(path) : "");
  const stateFile = await text(files.state);
  const outputs = readPairs(log, "output", await text(files.output));
  const state = readPairs(log, "state", stateFile);
  const exportedEnv = readPairs(log, "env", await text(files.env));
  const summary = readSummary(log, masks, await text(files.step_summary));
  const path = await text(files.path);
  return {
    stage,
    exitCode: end.exitCode,
    signal: end.signal,
    outcome: outcome === "success" && log.failed ? "failure" : outcome,
    outputs,
    state,
    exportedEnv,
    exportedPath: path.split(/\r?\n/).filter((line) => line !== ""),
    stateFile,
    annotations: log.annotations,
    droppedAnnotations: log.droppedAnnotations,
    summary,
    log: log.shown(),
    rawLog: log.raw(),
    lines: log.lines,
    problems: log.problems,
    durationMs: end.durationMs,
  };
}

/**
 * One broken entry and the whole file counts as lost. (The runner reads the file as it goes, so that the entries before the
 * broken one may survive; an action must not depend on it.)
 */
function readPairs(log: StepLog, name: string, text: string): Readonly<Record<string, string>> {
  try {
    return Object.fromEntries(parsePairs(text));
  } catch (error) {
    log.report("error", `Unable to process file command '${name}' successfully.`);
    log.report("error", error instanceof Error ? error.message : String(error));
    log.failed = true;
    return {};
  }
}

function readSummary(log: StepLog, masks: Masks, text: string): string {
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > summaryLimitBytes) {
    const [limit, size] = [summaryLimitBytes, sizeBytes].map((bytes) => Math.floor(bytes / 1024));
    log.report(
      "error",
      `$GITHUB_STEP_SUMMARY upload aborted, supports content up to a size of ${limit ?? 0}k, got ${size ?? 0}k.`,
    );
    return "";
  }
  return text
    .split("\n")
    .map((line) => masks.apply(line))
    .join("\n");
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    // The action removed its own file: the runner goes on without it.
    return "";
  }
}
