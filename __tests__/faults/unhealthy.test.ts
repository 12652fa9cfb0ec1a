import { expect, test } from "vitest";
import { createStep, runMain } from "../fakes/memory-world/step.ts";
import { MemoryWorld } from "../fakes/memory-world/world.ts";
import { describeEnd } from "./trial.ts";

test("a pod that was not ready before the backup is not waited for after it", async () => {
  const world = new MemoryWorld({
    request: { allowUnhealthy: true },
    switches: { stuckWriters: ["openshift-apiserver"] },
  });
  // HyperShift puts it back, and its new pods never become ready.
  world.scale("openshift-apiserver", 0);
  await world.timeline.pass(60_000);
  expect(world.readyReplicas["openshift-apiserver"]).toBe(0);
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
});
