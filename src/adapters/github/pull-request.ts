import { readFile } from "node:fs/promises";
import { at, numberAt, stringAt } from "../../json-path.ts";
import { findUncheckedVariable, type Environment } from "../../kubeconfig/proxies.ts";
import type { Clock, Comments, Log } from "../../ports.ts";
import { limits } from "../../time-limits.ts";
import { createGithubClient, findStatus, type GithubClient } from "./client.ts";

interface PullRequest {
  readonly owner: string;
  readonly repo: string;
  readonly issue_number: number;
}

interface GithubWorld {
  readonly log: Log;
  readonly clock: Clock;
  /** Names the API, the repository and the file of the event that started the workflow. */
  readonly environment: Environment;
}

/** All that one call needs beside its own parameters. */
interface Connection extends GithubWorld {
  readonly github: GithubClient;
  readonly pullRequest: PullRequest;
  readonly request: { readonly signal: AbortSignal; readonly redirect: "error" };
}

const perPage = 100;
/** A pull request with more comments is no place to look for one. */
const mostPages = 30;
const tries = 3;

/**
 * The comments of the pull request that started this workflow. A comment that cannot be written is a warning that says which
 * permission to grant: the restore itself does not depend on it.
 */
export function createComments(token: string | undefined, world: GithubWorld): Comments {
  return {
    write: async (marker, body) => {
      try {
        const obstacle = await write(token, world, { marker, body });
        if (obstacle !== undefined) world.log.warning(`no comment was written: ${obstacle}`);
      } catch (error) {
        world.log.warning(`${describeRefusal(error)}; the summary of the run says the same as the comment`);
      }
    },
  };
}

/** Why no comment was written; undefined where it was. */
async function write(
  token: string | undefined,
  world: GithubWorld,
  { marker, body }: { readonly marker: string; readonly body: string },
): Promise<string | undefined> {
  const { log, clock, environment } = world;
  const pullRequest = await findPullRequest(environment);
  const unchecked = findUncheckedVariable(environment);
  if (pullRequest === undefined) return "this workflow was not started by a pull request";
  if (token === undefined) return "github-token is not set";
  if (unchecked !== undefined) return `${unchecked} is 0, and anyone could take the token`;
  const request = { signal: clock.timeout(limits.commentMs), redirect: "error" } as const;
  const connection = { ...world, github: createGithubClient(token, environment), pullRequest, request };
  for (const id of await findOwn(connection, marker)) if (await update(connection, id, body)) return undefined;
  await again(connection, () => connection.github.issues.createComment({ ...pullRequest, body, request }));
  log.info(`wrote a comment on pull request ${String(pullRequest.issue_number)}`);
  return undefined;
}

/** The ids of comments that begin with the marker and are the token's own: what others wrote they may change again. */
async function findOwn(connection: Connection, marker: string): Promise<readonly number[]> {
  const { github, pullRequest, request, log } = connection;
  const found: { readonly id: number; readonly login: string | undefined; readonly isBot: boolean }[] = [];
  for (let page = 1; page <= mostPages; page += 1) {
    const { data } = await again(connection, () =>
      github.issues.listComments({ ...pullRequest, per_page: perPage, page, request }),
    );
    for (const { id, body, user } of data)
      if (body?.startsWith(marker) === true) found.push({ id, login: user?.login, isBot: user?.type === "Bot" });
    if (data.length < perPage) break;
  }
  if (found.length === 0) return [];
  const login = await findLogin(connection);
  const own = found.filter((comment) => (login === undefined ? comment.isBot : comment.login === login));
  if (own.length < found.length)
    log.info(`${String(found.length - own.length)} comments look like this one, and are somebody else's; they stay`);
  return own.map(({ id }) => id);
}

/** Whose the token is; undefined for that of a job, which is a bot's and may not ask. */
async function findLogin({ github, request }: Connection): Promise<string | undefined> {
  try {
    return (await github.users.getAuthenticated({ request })).data.login;
  } catch (error) {
    if (findStatus(error) === 403) return undefined;
    throw error;
  }
}

/** False where the comment was deleted meanwhile, or this token may not edit it. */
async function update(connection: Connection, id: number, body: string): Promise<boolean> {
  const { github, pullRequest, request, log } = connection;
  const { owner, repo } = pullRequest;
  try {
    await again(connection, () => github.issues.updateComment({ owner, repo, comment_id: id, body, request }));
    log.info(`updated the comment on pull request ${String(pullRequest.issue_number)}`);
    return true;
  } catch (error) {
    if (![403, 404, 410].includes(findStatus(error) ?? 0)) throw error;
    return false;
  }
}

/** Waits where GitHub asks for it: its secondary rate limits are 403 or 429 with the seconds to wait. */
async function again<T>({ clock, log, request }: Connection, call: () => Promise<T>): Promise<T> {
  for (let left = tries; ; left -= 1) {
    try {
      return await call();
    } catch (error) {
      const waitMs = Number(stringAt(error, "response", "headers", "retry-after")) * 1000;
      if (left <= 1 || !(waitMs >= 0 && waitMs <= limits.commentMs)) throw error;
      log.info(`GitHub asks to wait ${String(waitMs / 1000)} s`);
      await clock.sleep(waitMs, request.signal);
    }
  }
}

/** As the event tells it that started the workflow; undefined for another event. */
async function findPullRequest(environment: Environment): Promise<PullRequest | undefined> {
  const [owner = "", repo = ""] = (environment["GITHUB_REPOSITORY"] ?? "").split("/");
  const text = await readFile(environment["GITHUB_EVENT_PATH"] ?? "", "utf8").catch(() => "{}");
  const event = parseEvent(text);
  const isComment = at(event, "issue", "pull_request") !== undefined;
  const number =
    numberAt(event, "pull_request", "number") ?? (isComment ? numberAt(event, "issue", "number") : undefined);
  return number === undefined || owner === "" || repo === "" ? undefined : { owner, repo, issue_number: number };
}

function parseEvent(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

/** By the status alone: messages of the client hold what the server sent. */
function describeRefusal(error: unknown): string {
  const status = findStatus(error);
  switch (status) {
    case undefined:
      return "GitHub did not answer when a comment was to be written";
    case 401:
      return "GitHub does not accept github-token, so no comment was written";
    case 403:
    case 404:
      return "github-token may not comment on the pull request: grant pull-requests: write to the job (a pull request from a fork never has it)";
    case 422:
      return "GitHub refused the comment; perhaps the conversation is locked";
    case 429:
      return "GitHub has seen too many requests of this token, so no comment was written";
    default:
      return `GitHub answered ${String(status)} when a comment was to be written`;
  }
}
