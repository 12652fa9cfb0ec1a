import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** The context is read from the environment when its module loads, so each case is a process. */
async function readRunInfo(env: Record<string, string>): Promise<unknown> {
  const module = new URL("../../../src/action/run-info.ts", import.meta.url).href;
  const script = `import(${JSON.stringify(module)}).then(({ readRunInfo }) => console.log(JSON.stringify(readRunInfo())))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], { env });
  return JSON.parse(stdout);
}

test("the run as GitHub tells it", async () => {
  expect(
    await readRunInfo({
      GITHUB_REPOSITORY: "example/clusters",
      GITHUB_WORKFLOW: "nightly",
      GITHUB_RUN_ID: "7001",
      GITHUB_RUN_ATTEMPT: "2",
      GITHUB_SERVER_URL: "https://ghes.example.com",
    }),
  ).toStrictEqual({
    repository: "example/clusters",
    workflow: "nightly",
    runId: "7001",
    runAttempt: "2",
    url: "https://ghes.example.com/example/clusters/actions/runs/7001/attempts/2",
  });
});

test("outside of a run everything is empty", async () => {
  expect(await readRunInfo({})).toStrictEqual({ repository: "", workflow: "", runId: "", runAttempt: "", url: "" });
});
