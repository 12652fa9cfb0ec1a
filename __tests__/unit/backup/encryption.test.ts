import { expect, test } from "vitest";
import { createStep, runMain } from "../../fakes/memory-world/step.ts";
import { MemoryWorld } from "../../fakes/memory-world/world.ts";

test.each([
  ["of a type that only a newer HyperShift knows", { type: "vault", aescbc: null }],
  ["without a type", { type: null, aescbc: null }],
  ["of an odd type", { type: 3, aescbc: null }],
])("an encryption %s is not taken for none", async (_, secretEncryption) => {
  const world = new MemoryWorld({ hostedClusterPatch: { spec: { secretEncryption } } });
  const end = await world.timeline.play(runMain(world, createStep(world, { dryRun: true })));
  expect(end).toMatchObject({ kind: "red", failure: { code: "hosted-cluster-unsuitable" } });
});
