import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { findLeaks } from "../world/runner/leaks.ts";
import { findUnsettled } from "../world/settled.ts";
import { forbidden, jobToken, startGithubComments } from "../world/github-comments.ts";
import type { StepInputs, World } from "../world/world.ts";
import { runInProcess } from "./in-process.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();
let snapshotUri = "";
beforeAll(async () => {
  const world = scenario();
  snapshotUri = (await world.run(world.backupInputs())).outputs["snapshot-uri"] ?? "";
});

async function startPullRequest(world: World) {
  const github = await startGithubComments("example/clusters", 7);
  onTestFinished(() => github.close());
  const context = {
    apiUrl: github.url,
    eventName: "pull_request",
    event: { pull_request: { number: 7 } },
    token: jobToken.token,
  };
  const inputs = world.restoreInputs(snapshotUri, { comment: "true" });
  return {
    github,
    restore: () => world.run(inputs, { github: context }),
    restoreInProcess: (changed: StepInputs = {}) => runInProcess(world, { ...inputs, ...changed }, context),
  };
}

test("A pull request gets one comment, which says what was refused, and later what is restored", async () => {
  const world = scenario();
  const { github, restore, restoreInProcess } = await startPullRequest(world);
  const manifest = join(world.workspace, "cluster.yaml");
  const right = await readFile(manifest, "utf8");
  await writeFile(manifest, right.replace(/infraID: .*/, "infraID: another"));
  expect((await restoreInProcess()).outcome).toBe("failure");
  expect(github.comments).toHaveLength(1);
  expect(github.comments[0]?.body).toMatch(/etcd restore: failed[^]*spec\.infraID/);

  await writeFile(manifest, right);
  const result = await restore();
  expect(result.outcome).toBe("success");
  expect(github.comments).toHaveLength(1);
  const body = github.comments[0]?.body ?? "";
  for (const words of ["manifest rendered", "while the API servers were stopped", "h ago", "secrets: ", "Next"])
    expect(body).toContain(words);
  expect(body).not.toContain(result.outputs["presigned-url"]);
  expect(await findUnsettled(world, result, { written: [body] })).toEqual([]);
});

test("Inputs that are wrong are told in the comment that told the restore before", async () => {
  const world = scenario();
  const { github, restoreInProcess } = await startPullRequest(world);
  const pinned = { "hosted-cluster": "example", "hosted-cluster-namespace": "clusters" };
  expect((await restoreInProcess(pinned)).outcome).toBe("success");
  expect(github.comments[0]?.body).toContain("manifest rendered");
  expect((await restoreInProcess({ ...pinned, "snapshot-uri": "s3:/typo" })).outputs).toEqual({
    "error-code": "input-invalid",
  });
  expect(github.comments).toHaveLength(1);
  expect(github.comments[0]?.body).toMatch(/etcd restore: failed[^]*input-invalid[^]*summary of the run says which/);
});

const misplaced = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

test.each<[string, StepInputs, string]>([
  ["s3-region", { "s3-region": misplaced }, "input-invalid"],
  ["several inputs", { "s3-region": misplaced, "presign-expires-in": misplaced }, "inputs-invalid"],
  ["the text of a manifest", { manifest: `kind: Secret\ndata:\n  key: ${misplaced}\n` }, "input-invalid"],
  ["the path of a manifest", { manifest: misplaced }, "manifest-invalid"],
  ["the path of the output", { output: `../${misplaced}` }, "output-refused"],
])("A secret that stands in a wrong input is not published: %s", async (_, changed, code) => {
  const { github, restoreInProcess } = await startPullRequest(scenario());
  const result = await restoreInProcess(changed);
  const written = github.comments.map(({ body }) => body);
  expect(written.join("")).toContain(code);
  const leaks = await findLeaks(result, { misplaced }, { written });
  expect(leaks.filter(({ place }) => place === "call")).toEqual([]);
});

test("A token that may only read costs the comment, not the restore", async () => {
  const world = scenario();
  const { github, restore } = await startPullRequest(world);
  github.intercept = (method) => (method === "POST" ? forbidden : undefined);
  const result = await restore();
  expect(result.outcome).toBe("success");
  expect(result.annotations.map(({ message }) => message).join("\n")).toContain("grant pull-requests: write");
});
