import type { RunInfo } from "../snapshots/record.ts";
import type { Environment } from "./inputs/names.ts";

/** The workflow run, and the name of the machine that this job of it has. */
export interface StepRunInfo extends RunInfo {
  readonly runner: string;
}

/** The workflow run, as GitHub's runner tells it; empty texts where it does not (a run by hand). */
export function readRunInfo(environment: Environment): StepRunInfo {
  const read = (name: string): string => asJournalText(environment[name] ?? "");
  const repository = read("GITHUB_REPOSITORY");
  const runId = readNumber(environment["GITHUB_RUN_ID"]);
  const runAttempt = readNumber(environment["GITHUB_RUN_ATTEMPT"]);
  const server = read("GITHUB_SERVER_URL") || "https://github.com";
  return {
    repository,
    workflow: environment["GITHUB_WORKFLOW"] ?? "",
    runId,
    runAttempt,
    url:
      repository === "" || runId === ""
        ? ""
        : `${server}/${repository}/actions/runs/${runId}${runAttempt === "" ? "" : `/attempts/${runAttempt}`}`,
    runner: read("RUNNER_NAME"),
  };
}

/** The text as the reader of a journal takes it: another forge, or a runner of one's own, may have any name. */
function asJournalText(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 120);
}

function readNumber(text: string | undefined): string {
  return /^[1-9]\d{0,15}$/.test(text ?? "") ? (text ?? "") : "";
}
