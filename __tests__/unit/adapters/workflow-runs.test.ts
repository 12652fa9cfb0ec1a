import { describe, expect, test } from "vitest";
import { findOwnRun } from "../../../src/adapters/github/workflow-runs.ts";

const own = { repository: "acme/fleet", url: "https://github.example/acme/fleet/actions/runs/9/attempts/1" };
const run = {
  repository: "acme/fleet",
  runId: "17",
  runAttempt: "2",
  url: "https://github.example/acme/fleet/actions/runs/17/attempts/2",
};

test("a run of the same repository and server is asked for", () => {
  expect(findOwnRun(run, own)).toEqual({ owner: "acme", repo: "fleet", runId: 17, attempt: 2 });
});

describe("every other run is not", () => {
  const address = (path: string): string => `https://github.example/acme/fleet/actions/runs/${path}`;
  const others: readonly (readonly [string, Partial<typeof run>])[] = [
    ["another repository", { repository: "acme/other", url: "https://github.example/acme/other/actions/runs/17" }],
    ["a repository that its address belies", { repository: "acme/other" }],
    ["another repository's address", { url: "https://github.example/acme/other/actions/runs/17/attempts/2" }],
    ["another server", { url: "https://github.com/acme/fleet/actions/runs/17/attempts/2" }],
    ["a server that begins alike", { url: "https://github.example.org/acme/fleet/actions/runs/17/attempts/2" }],
    ["an address of another run", { url: address("18/attempts/2") }],
    ["a path for an id", { runId: "17/../../secrets", url: address("17/../../secrets/attempts/2") }],
    ["a query for an attempt", { runAttempt: "2?x=1", url: address("17/attempts/2?x=1") }],
    ["a sign", { runId: "-17", url: address("-17/attempts/2") }],
    ["no number", { runId: "", runAttempt: "", url: "" }],
    ["a number that is none in a double", { runId: "99999999999999999", url: address("99999999999999999/attempts/2") }],
  ];
  test.each(others)("%s", (_title, changes) => {
    expect(findOwnRun({ ...run, ...changes }, own)).toBeUndefined();
  });

  test.each([
    { repository: "", url: "" },
    { repository: "acme", url: own.url },
    { repository: "acme/fleet", url: "" },
  ])("outside of a run: %j", (outside) => {
    expect(findOwnRun({ ...run, repository: outside.repository }, outside)).toBeUndefined();
  });
});
