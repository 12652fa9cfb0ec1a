import { expect, test } from "vitest";
import { noTrouble } from "../fakes/memory-world/etcd-pod.ts";
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

/** Three members, of which some answer no read. */
function worldWithDeaf(deaf: readonly string[], allowUnhealthy: boolean): MemoryWorld {
  const world = new MemoryWorld({ etcdMembers: 3, request: { allowUnhealthy } });
  for (const [name, pod] of world.pods) pod.trouble = { ...noTrouble, deaf: deaf.includes(name) };
  return world;
}

test.each([
  ["refused", ["etcd-2"], false, /^red with etcd-unhealthy: .*etcd-2/],
  ["a warning with allow-unhealthy", ["etcd-2"], true, /^green$/],
  [
    "refused in all cases where the others are no quorum",
    ["etcd-0", "etcd-2"],
    true,
    /^red with etcd-unhealthy: .*1 of 3/,
  ],
])("an etcd member that is ready and not in step is %s", async (_, deaf, allowUnhealthy, expected) => {
  const world = worldWithDeaf(deaf, allowUnhealthy);
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toMatch(expected);
});

test.each([
  [true, /^red with writers-not-ready/],
  [false, /^green$/],
])(
  "an API server that somebody stopped hinders only a backup that stops it (quiesced: %s)",
  async (quiesce, expected) => {
    const world = new MemoryWorld({ request: { quiesce }, switches: { controlPlaneOperator: "dead" } });
    world.scale("kube-apiserver", 0);
    await world.timeline.pass(10_000);
    expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toMatch(expected);
    expect(world.replicas["kube-apiserver"]).toBe(0);
  },
);
