import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import { createComments } from "../../src/adapters/github/pull-request.ts";
import {
  forbidden,
  jobToken,
  personToken,
  startGithubComments,
  type GithubComments,
} from "../world/github-comments.ts";

const marker = "<!-- hypershift-etcd-backup-action: restore clusters/example -->";
const body = `${marker}\nnew`;

let github: GithubComments;
let folder: string;
let printed: string[];

beforeEach(async () => {
  github = await startGithubComments("acme/fleet", 7);
  folder = await mkdtemp(join(tmpdir(), "comments-"));
  printed = [];
});

afterEach(async () => {
  await github.close();
  await rm(folder, { recursive: true });
});

async function write(
  token: string = jobToken.token,
  { event = { pull_request: { number: 7 } }, environment = {} }: { event?: unknown; environment?: object } = {},
): Promise<void> {
  const path = join(folder, "event.json");
  await writeFile(path, JSON.stringify(event));
  const print = (line: string): void => void printed.push(line);
  const log = { info: print, warning: print, debug: print, group: <T>(_: string, work: () => Promise<T>) => work() };
  const given = { GITHUB_API_URL: github.url, GITHUB_REPOSITORY: "acme/fleet", GITHUB_EVENT_PATH: path };
  await createComments(token === "" ? undefined : token, {
    log,
    clock: createClock(),
    environment: { ...given, ...environment },
  }).write(marker, body);
}

const bodies = (): readonly string[] => github.comments.map((comment) => comment.body);

test.each([jobToken, personToken])(
  "the first comment is made, and each run after it updates it ($login)",
  async (who) => {
    await write(who.token);
    await write(who.token);
    expect(github.comments).toMatchObject([{ body, user: { login: who.login } }]);
    expect(printed).toEqual(["wrote a comment on pull request 7", "updated the comment on pull request 7"]);
  },
);

test("the comment is found behind hundreds of others", async () => {
  for (let index = 0; index < 230; index += 1) github.add("somebody", "User", `comment ${String(index)}`);
  github.add(jobToken.login, "Bot", `${marker}\nold`);
  for (let index = 0; index < 30; index += 1) github.add("somebody", "User", `later ${String(index)}`);
  await write();
  expect(github.comments).toHaveLength(261);
  expect(github.comments[230]?.body).toBe(body);
});

test("a comment of somebody else that looks like it is left alone", async () => {
  github.add("mallory", "User", `${marker}\na lie`);
  await write();
  await write();
  expect(bodies()).toEqual([`${marker}\na lie`, body]);
});

test("with a person's token, the comment of a bot is left alone", async () => {
  github.add(jobToken.login, "Bot", `${marker}\nold`);
  await write(personToken.token);
  expect(bodies()).toEqual([`${marker}\nold`, body]);
});

test("a comment that only quotes the marker is another one", async () => {
  github.add(jobToken.login, "Bot", `> ${marker}\nquoted`);
  await write();
  expect(bodies()).toEqual([`> ${marker}\nquoted`, body]);
});

test("a comment that may not be edited is passed over", async () => {
  const foreign = github.add("other-app[bot]", "Bot", `${marker}\nother`);
  github.intercept = (method, path) =>
    method === "PATCH" && path.endsWith(`/${String(foreign.id)}`) ? forbidden : undefined;
  await write();
  await write();
  expect(bodies()).toEqual([`${marker}\nother`, body]);
});

test("a comment that is deleted meanwhile is made again", async () => {
  github.add(jobToken.login, "Bot", `${marker}\nold`);
  github.intercept = (method) => {
    if (method === "PATCH") github.comments.length = 0;
    return undefined;
  };
  await write();
  expect(bodies()).toEqual([body]);
});

test("a secondary rate limit is waited for", async () => {
  let limited = 0;
  github.intercept = () => (++limited === 1 ? { ...forbidden, headers: { "retry-after": "1" } } : undefined);
  await write();
  expect(bodies()).toEqual([body]);
  expect(printed[0]).toBe("GitHub asks to wait 1 s");
});

describe("without a comment, a warning says why", () => {
  test("a token that may only read", async () => {
    github.intercept = (method) => (method === "POST" ? forbidden : undefined);
    await write();
    expect(printed).toEqual([expect.stringMatching(/grant pull-requests: write .* fork .*; the summary/)]);
  });

  test.each([
    ["a pull request that the token does not see", 404, /grant pull-requests: write/],
    ["a locked conversation, or a body that is refused", 422, /locked/],
    ["trouble of GitHub", 502, /answered 502/],
    ["too many requests", 429, /too many requests/],
  ])("%s", async (_title, status, words) => {
    github.intercept = () => ({ status, body: { message: "canary" } });
    await write();
    expect(printed).toEqual([expect.stringMatching(words)]);
    expect(printed.join()).not.toContain("canary");
  });

  test("a redirect, which is not followed with the token", async () => {
    github.intercept = () => ({ status: 302, headers: { location: "/elsewhere" } });
    await write();
    expect(github.requests).toHaveLength(1);
    expect(printed).toHaveLength(1);
  });

  test("a token that is not accepted", async () => {
    await write("ghs_stale");
    expect(printed).toEqual([expect.stringContaining("does not accept github-token")]);
  });

  test.each([
    ["a workflow without a pull request", { ref: "refs/heads/main" }, jobToken.token, "not started by a pull request"],
    ["a plain issue", { issue: { number: 7 } }, jobToken.token, "not started by a pull request"],
    ["no token", { pull_request: { number: 7 } }, "", "github-token is not set"],
  ])("%s: GitHub is asked for nothing", async (_title, event, token, words) => {
    await write(token, { event });
    expect(github.requests).toEqual([]);
    expect(printed).toEqual([expect.stringContaining(words)]);
  });

  test("certificates that are not checked", async () => {
    await write(jobToken.token, { environment: { NODE_TLS_REJECT_UNAUTHORIZED: "0" } });
    expect(github.requests).toEqual([]);
    expect(printed).toEqual([expect.stringContaining("NODE_TLS_REJECT_UNAUTHORIZED is 0")]);
  });
});

test("a comment on a pull request starts the workflow as well", async () => {
  await write(jobToken.token, { event: { issue: { number: 7, pull_request: { url: "x" } } } });
  expect(bodies()).toEqual([body]);
});
