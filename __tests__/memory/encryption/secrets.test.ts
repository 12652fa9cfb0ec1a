import { expect, test } from "vitest";
import { createStep, runMain } from "../../world/memory-world/step.ts";
import { MemoryWorld } from "../../world/memory-world/world.ts";

test("the AES key and the signed URL are masked", async () => {
  const world = new MemoryWorld();
  const step = createStep(world);
  expect(await world.timeline.play(runMain(world, step))).toEqual({ kind: "green" });
  expect(step.secrets).toEqual([world.aesKey, step.report.presignedUrl]);
});
