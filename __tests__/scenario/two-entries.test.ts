import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startStep } from "../world/runner/runner.ts";
import type { StepOptions, StepResult } from "../world/runner/step.ts";
import { findUnsettled } from "../world/settled.ts";
import { titlesOf } from "./refusal.ts";
import { isChange } from "./requests.ts";
import { entryPath, shareScenario } from "./scenario.ts";

const scenario = shareScenario();

test("Main is main whatever the environment says, and post is post", async () => {
  const world = scenario();
  const claims = { STATE_isPost: "true", STATE_settled: "true", STATE_isSettled: "true" };
  const result = await world.run(world.backupInputs({ "dry-run": "true" }), {
    env: claims,
    postEnv: { STATE_isPost: "" },
  });
  expect([result.exitCode, result.post?.exitCode]).toEqual([0, 0]);
  expect(result.summary).toContain("plan of a dry run");
  expect(await findUnsettled(world, result)).toEqual([]);
});

// Node.js itself ends by a signal that comes before the first line of the entry; the bundle takes 0.3 to 0.9 s to load.
test.each(Array.from({ length: 20 }, (_, step) => (step + 1) * 50))(
  "A backup that is cancelled %i ms after its start leaves everything as it was, and post starts nothing",
  async (afterMs) => {
    const world = scenario();
    const before = world.cluster.requests.length;
    const keys = world.objectKeys();
    const step = await world.start(world.backupInputs());
    await delay(afterMs);
    step.cancel();
    const result = await step.result;
    if (result.signal === null) expect([result.exitCode, titlesOf(result)]).toEqual([1, ["cancelled"]]);
    expect(result.post?.outcome).toBe("success");
    expect(world.objectKeys()).toEqual(keys);
    const changes = world.cluster.requests.slice(before).filter(isChange);
    if (!result.stateFile.includes("hold")) expect(changes).toEqual([]);
    expect(await findUnsettled(world, result)).toEqual([]);
  },
);

async function runEntry(options: StepOptions): Promise<StepResult> {
  const result = await (await startStep(options)).result;
  onTestFinished(result.remove);
  return result;
}

test("A runner with an older Node.js is told so in one sentence, by main and by post", async () => {
  const folder = await mkdtemp(join(tmpdir(), "old-node-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const preload = join(folder, "version.cjs");
  await writeFile(preload, 'Object.defineProperty(process, "versions", { value: { node: "20.20.2" } });\n');
  const result = await runEntry({ entry: entryPath(), env: { NODE_OPTIONS: `--require ${preload}` } });
  for (const stage of [result, result.post]) {
    expect(stage && [stage.exitCode, titlesOf(stage)]).toEqual([1, ["runner-unsuitable"]]);
    expect(stage?.lines.filter(({ origin }) => origin.startsWith("std"))).toHaveLength(1);
  }
});

test("An entry without its bundle fails with one sentence", async () => {
  const folder = await mkdtemp(join(tmpdir(), "no-bundle-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const name of ["main.js", "post.js", "package.json"]) await cp(join(entryPath(), name), join(folder, name));
  const result = await runEntry({ entry: folder });
  expect([result.exitCode, titlesOf(result), result.post?.exitCode]).toEqual([1, ["internal"], 1]);
});
