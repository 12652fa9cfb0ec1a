import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { onMoment } from "../faults/crash-moments.ts";
import { titlesOf } from "./refusal.ts";
import { startScenario } from "./scenario.ts";

test("A backup whose runner is killed, so that nobody reads its log, puts the cluster back by itself", async () => {
  const world = await startScenario();
  const step = await world.start(world.backupInputs());
  onMoment(world, "stop", () => {
    step.abandon();
  });
  const result = await step.result;
  expect([result.exitCode, result.post]).toEqual([1, undefined]);
  // What it says is read by nobody, its error included.
  expect(await findUnsettled(world, result)).toEqual(["step: main ended with 1 and 0 errors"]);
});

test("A post step whose store inputs are empty now puts the API servers back all the same", async () => {
  const world = await startScenario();
  const inputs = world.backupInputs();
  const step = await world.start(inputs, { postInputs: { ...inputs, "s3-bucket": "" } });
  onMoment(world, "stop", () => {
    step.kill();
  });
  const result = await step.result;
  expect(result.post && [result.post.exitCode, titlesOf(result.post)]).toEqual([1, ["input-missing"]]);
  expect(await findUnsettled(world, result)).toEqual([]);
});
