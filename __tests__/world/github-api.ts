import { createServer } from "node:http";
import { listenOnLoopback } from "./loopback.ts";

export interface GithubRequest {
  readonly path: string;
  readonly authorization: string | undefined;
}

/** The part of GitHub's API that tells of workflow runs, on loopback. */
export interface GithubApi {
  readonly url: string;
  readonly requests: readonly GithubRequest[];
  /** What is answered from now on to every question; default 404. */
  answer(status: number, body?: unknown, headers?: Readonly<Record<string, string>>): void;
  /** Takes requests, and never answers. */
  fallSilent(): void;
  close(): Promise<void>;
}

/** As `GET /repos/{owner}/{repo}/actions/runs/{id}/attempts/{n}` answers, as far as anyone looks at it. */
export function workflowRun(runId: number, attempt: number, status: "completed" | "in_progress" | "queued"): unknown {
  return { id: runId, run_attempt: attempt, status, conclusion: status === "completed" ? "failure" : null };
}

export async function startGithubApi(): Promise<GithubApi> {
  const requests: GithubRequest[] = [];
  let answer: { status: number; body: unknown; headers: Readonly<Record<string, string>> } | undefined = {
    status: 404,
    body: { message: "Not Found" },
    headers: {},
  };
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? "", authorization: request.headers.authorization });
    if (answer === undefined) return;
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.body));
  });
  return {
    ...(await listenOnLoopback(server)),
    requests,
    answer: (status, body = {}, headers = {}) => {
      answer = { status, body, headers };
    },
    fallSilent: () => {
      answer = undefined;
    },
  };
}
