import { expect, test } from "vitest";
import { readRunInfo } from "../../../src/action/run-info.ts";

test("the run as GitHub tells it", () => {
  expect(
    readRunInfo({
      GITHUB_REPOSITORY: "example/clusters",
      GITHUB_WORKFLOW: "nightly",
      GITHUB_RUN_ID: "7001",
      GITHUB_RUN_ATTEMPT: "2",
      GITHUB_SERVER_URL: "https://ghes.example.com",
      RUNNER_NAME: "arc-1",
    }),
  ).toStrictEqual({
    repository: "example/clusters",
    workflow: "nightly",
    runId: "7001",
    runAttempt: "2",
    url: "https://ghes.example.com/example/clusters/actions/runs/7001/attempts/2",
    runner: "arc-1",
  });
});

test("outside of a run everything is empty", () => {
  const nothing = { repository: "", workflow: "", runId: "", runAttempt: "", url: "", runner: "" };
  expect(readRunInfo({})).toStrictEqual(nothing);
});

test("names are such as the reader of a journal takes", () => {
  const { runner, url } = readRunInfo({
    GITHUB_REPOSITORY: "größe/clusters",
    GITHUB_RUN_ID: "1",
    GITHUB_SERVER_URL: "https://forge.example",
    RUNNER_NAME: `läufer ${"x".repeat(500)}`,
  });
  expect(url).toBe("https://forge.example/gr??e/clusters/actions/runs/1");
  expect(runner).toMatch(/^[ -~]{1,120}$/);
});
