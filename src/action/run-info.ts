import { context } from "@actions/github";
import type { RunInfo } from "../snapshot/record.ts";

/** The workflow run, as GitHub's runner tells it; empty texts where it does not (a run by hand). */
export function readRunInfo(): RunInfo {
  const repository = findRepository();
  const runId = renderNumber(context.runId);
  const runAttempt = renderNumber(context.runAttempt);
  return {
    repository,
    workflow: orEmpty(context.workflow),
    runId,
    runAttempt,
    url:
      repository === "" || runId === ""
        ? ""
        : `${context.serverUrl}/${repository}/actions/runs/${runId}${runAttempt === "" ? "" : `/attempts/${runAttempt}`}`,
  };
}

/** The client throws where there is neither GITHUB_REPOSITORY nor an event. */
function findRepository(): string {
  try {
    return `${context.repo.owner}/${context.repo.repo}`;
  } catch {
    return "";
  }
}

/** The client types as text what is undefined outside of a run. */
function orEmpty(text: string | undefined): string {
  return text ?? "";
}

function renderNumber(value: number): string {
  return Number.isSafeInteger(value) ? value.toString() : "";
}
