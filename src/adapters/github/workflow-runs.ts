import { findUncheckedVariable, type Environment } from "../../kubeconfig/proxies.ts";
import type { Log, WorkflowRuns } from "../../ports.ts";
import type { RunInfo } from "../../snapshots/record.ts";
import { limits } from "../../time-limits.ts";
import { createGithubClient, findStatus } from "./client.ts";

interface AskedRun {
  readonly owner: string;
  readonly repo: string;
  readonly runId: number;
  readonly attempt: number;
}

interface GithubWorld {
  readonly log: Log;
  /** Names the API. */
  readonly environment: Environment;
}

/** The runs of `own`'s repository, as GitHub's API tells them to `token`. A state it does not tell is a warning. */
export function createWorkflowRuns(token: string, own: RunInfo, { log, environment }: GithubWorld): WorkflowRuns {
  return {
    findRunState: async (run) => {
      const asked = findOwnRun(run, own);
      if (asked === undefined) {
        log.debug("the run of the journal is not one of this repository, so GitHub is not asked for it");
        return undefined;
      }
      const unchecked = findUncheckedVariable(environment);
      if (unchecked !== undefined) {
        log.warning(
          `GitHub is not asked for a workflow run: ${unchecked} is 0, and anyone could answer; the run ${run.url} counts as alive until its deadline`,
        );
        return undefined;
      }
      try {
        return await askState(token, asked, environment);
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

async function askState(
  token: string,
  run: AskedRun,
  environment: Environment,
): Promise<"running" | "completed" | undefined> {
  const { data } = await createGithubClient(token, environment).actions.getWorkflowRunAttempt({
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
