import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createWorkflowRuns } from "../../src/adapters/github/workflow-runs.ts";
import type { Journal } from "../../src/hold/journal.ts";
import type { WorkflowRuns } from "../../src/ports.ts";
import type { RunInfo } from "../../src/snapshots/record.ts";
import { startGithubApi, workflowRun, type GithubApi } from "../world/github-api.ts";

const own: RunInfo = {
  repository: "acme/fleet",
  workflow: "recover",
  runId: "9",
  runAttempt: "1",
  url: "https://github.example/acme/fleet/actions/runs/9/attempts/1",
};
const run: Journal["run"] = {
  repository: "acme/fleet",
  runId: "17",
  runAttempt: "2",
  url: "https://github.example/acme/fleet/actions/runs/17/attempts/2",
};

let github: GithubApi;
let runs: WorkflowRuns;
const printed: string[] = [];

beforeAll(async () => {
  github = await startGithubApi();
  const print = (line: string): void => void printed.push(line);
  const log = { info: print, warning: print, debug: print, group: <T>(_: string, work: () => Promise<T>) => work() };
  runs = createWorkflowRuns("ghs_canary", own, { log, environment: { GITHUB_API_URL: github.url } });
});

afterAll(() => github.close());

beforeEach(() => {
  printed.length = 0;
});

test("an attempt that is completed is told so, and asked for by its numbers with the token", async () => {
  github.answer(200, workflowRun(17, 2, "completed"));
  expect(await runs.findRunState(run)).toBe("completed");
  expect(github.requests.at(-1)).toEqual({
    path: "/repos/acme/fleet/actions/runs/17/attempts/2",
    authorization: "token ghs_canary",
  });
});

test.each(["queued", "in_progress"] as const)("an attempt that is %s runs", async (status) => {
  github.answer(200, workflowRun(17, 2, status));
  expect(await runs.findRunState(run)).toBe("running");
});

test("the answer for another attempt tells nothing", async () => {
  github.answer(200, workflowRun(17, 1, "completed"));
  expect(await runs.findRunState(run)).toBeUndefined();
});

test("a run of another repository is not asked for", async () => {
  const before = github.requests.length;
  expect(await runs.findRunState({ ...run, repository: "acme/other" })).toBeUndefined();
  expect(github.requests).toHaveLength(before);
});

describe("what GitHub does not tell is a warning without a word of its own", () => {
  const refusals: readonly (readonly [string, number, Readonly<Record<string, string>>])[] = [
    ["a token that is not accepted", 401, {}],
    ["a missing permission", 403, {}],
    ["a run that is not known", 404, {}],
    ["a redirect, which is not followed", 302, { location: "/repos/acme/fleet/actions/runs/18/attempts/2" }],
    ["trouble", 502, {}],
  ];
  test.each(refusals)("%s", async (_title, status, headers) => {
    github.answer(status, { message: "canary", status: "completed" }, headers);
    const before = github.requests.length;
    expect(await runs.findRunState(run)).toBeUndefined();
    expect(github.requests).toHaveLength(before + 1);
    expect(printed).toEqual([expect.stringContaining("counts as alive until its deadline")]);
    expect(printed.join()).not.toContain("canary");
  });

  test("silence ends by itself", { timeout: 60_000 }, async () => {
    github.fallSilent();
    expect(await runs.findRunState(run)).toBeUndefined();
    expect(printed).toEqual([expect.stringContaining("did not answer")]);
  });
});
