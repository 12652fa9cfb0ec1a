import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { listenOnLoopback } from "./loopback.ts";

export interface GithubComment {
  readonly id: number;
  body: string;
  readonly user: { readonly login: string; readonly type: "Bot" | "User" };
}

/** Whose token asks: a job's is a bot's, and may not ask who it is. */
export const jobToken = { token: "ghs_job", login: "github-actions[bot]", type: "Bot" } as const;
export const personToken = { token: "ghp_person", login: "octocat", type: "User" } as const;

/** The part of GitHub's API that keeps the comments of one pull request, on loopback. */
export interface GithubComments {
  readonly url: string;
  readonly comments: GithubComment[];
  /** Method and path of each request. */
  readonly requests: readonly string[];
  /** Adds a comment past the API. */
  add(login: string, type: "Bot" | "User", body: string): GithubComment;
  /** Decides about a request before the server does; undefined: the server answers it. */
  intercept: ((method: string, path: string) => Answer | undefined) | undefined;
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** GitHub takes no longer one. */
const bodyMaxCharacters = 65_536;
const notFound: Answer = { status: 404, body: { message: "Not Found" } };
/** As GitHub answers where a token lacks the permission. */
export const forbidden: Answer = { status: 403, body: { message: "Resource not accessible by integration" } };

export async function startGithubComments(repository: string, pullRequest: number): Promise<GithubComments> {
  const requests: string[] = [];
  const world: Omit<GithubComments, "url" | "close"> = {
    comments: [],
    requests,
    intercept: undefined,
    add: (login, type, body) => {
      const comment = { id: 1000 + requests.length + world.comments.length, body, user: { login, type } };
      world.comments.push(comment);
      return comment;
    },
  };
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "", url = "", headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push(`${method} ${url}`);
    const user = [jobToken, personToken].find(({ token }) => headers.authorization === `token ${token}`);
    const body = Buffer.concat(chunks).toString();
    const { status, ...given } =
      world.intercept?.(method, url) ??
      (user === undefined ? { status: 401, body: { message: "Bad credentials" } } : decide(method, url, body, user));
    response.writeHead(status, { "content-type": "application/json", ...given.headers });
    response.end(JSON.stringify(given.body ?? {}));
  };
  const decide = (
    method: string,
    url: string,
    text: string,
    { login, type }: typeof jobToken | typeof personToken,
  ): Answer => {
    const { pathname, searchParams } = new URL(url, "http://localhost");
    const given = (text === "" ? {} : JSON.parse(text)) as { readonly body?: string };
    if (pathname === "/user") return type === "Bot" ? forbidden : { status: 200, body: { login, type } };
    const all = `/repos/${repository}/issues/${String(pullRequest)}/comments`;
    if (given.body !== undefined && given.body.length > bodyMaxCharacters)
      return { status: 422, body: { message: "Validation Failed" } };
    if (pathname === all && method === "GET") {
      const size = Number(searchParams.get("per_page") ?? 30);
      const from = (Number(searchParams.get("page") ?? 1) - 1) * size;
      return { status: 200, body: world.comments.slice(from, from + size) };
    }
    if (pathname === all && method === "POST") return { status: 201, body: world.add(login, type, given.body ?? "") };
    const comment = world.comments.find(({ id }) => pathname === `/repos/${repository}/issues/comments/${String(id)}`);
    if (method !== "PATCH" || comment === undefined) return notFound;
    comment.body = given.body ?? "";
    return { status: 200, body: comment };
  };
  return Object.assign(world, await listenOnLoopback(server));
}
