import { getOctokit } from "@actions/github";
import { numberAt } from "../hypershift/json-path.ts";
import type { Log, WorkflowRuns } from "../ports.ts";
import type { RunInfo } from "../snapshot/record.ts";
import { limits } from "../time-limits.ts";

interface AskedRun {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
  readonly attempt: number;
}

/** The runs of the repository of `own`, as GitHub's API tells them to `token`. What it does not tell is a warning. */
export function createWorkflowRuns(token: string, own: RunInfo, log: Log): WorkflowRuns {
  return {
    findRunState: async (run) => {
      const asked = findOwnRun(run, own);
      if (asked === undefined) {
        log.debug("the run of the journal is not one of this repository, so GitHub is not asked for it");
        return undefined;
      }
      try {
        return await askState(token, asked);
      } catch (error) {
        log.warning(`${describeRefusal(error)}; the run ${run.url} counts as alive until its deadline`);
        return undefined;
      }
    },
  };
}

/**
 * The run of a journal where it is this repository's, on this server; undefined for any other. A journal is written by
 * anyone who may change the HostedCluster: what goes into a path is compared or is a number.
 */
export function findOwnRun(
  run: { readonly repository: string; readonly runId: string; readonly runAttempt: string; readonly url: string },
  own: Pick<RunInfo, "repository" | "url">,
): AskedRun | undefined {
  const [owner = "", repo = ""] = own.repository.split("/");
  const [base, ownPath] = own.url.split("/actions/runs/");
  if (owner === "" || repo === "" || base === undefined || ownPath === undefined) return undefined;
  if (!/^[1-9]\d{0,15}$/.test(run.runId) || !/^[1-9]\d{0,5}$/.test(run.runAttempt)) return undefined;
  if (run.repository !== own.repository) return undefined;
  // Two servers can have a repository of one name; the run's address tells them apart.
  if (run.url !== `${base}/actions/runs/${run.runId}/attempts/${run.runAttempt}`) return undefined;
  return { owner, repo, runId: Number(run.runId), attempt: Number(run.runAttempt) };
}

async function askState(token: string, run: AskedRun): Promise<"running" | "completed" | undefined> {
  const silent = (): undefined => undefined;
  const octokit = getOctokit(token, { log: { debug: silent, info: silent, warn: silent, error: silent } });
  const { data } = await octokit.rest.actions.getWorkflowRunAttempt({
    owner: run.owner,
    repo: run.repo,
    run_id: run.runId,
    attempt_number: run.attempt,
    request: { signal: AbortSignal.timeout(limits.workflowRunMs), redirect: "error" },
  });
  if (data.id !== run.runId || data.run_attempt !== run.attempt) return undefined;
  return data.status === "completed" ? "completed" : "running";
}

/** By the status alone: messages of the client hold what the server sent. */
function describeRefusal(error: unknown): string {
  switch (findStatus(error)) {
    case undefined:
      return "GitHub did not answer when asked for a workflow run";
    case 401:
      return "GitHub does not accept github-token";
    case 403:
      return "github-token may not read workflow runs: grant actions: read to the job";
    case 404:
      return "GitHub does not know that run, or github-token may not see it";
    default:
      return `GitHub answered ${String(findStatus(error))} when asked for a workflow run`;
  }
}

/** The client gives a status to connections that failed as well; only an answer has a response. */
function findStatus(error: unknown): number | undefined {
  return numberAt(error, "response", "status");
}
