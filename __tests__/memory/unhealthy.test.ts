import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { noTrouble } from "../world/memory-world/etcd-pod.ts";
import { createStep, runMain, runPost } from "../world/memory-world/step.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { findDown, findLeft, lookBefore } from "./oracle.ts";
import { describeEnd } from "./trial.ts";

test.each([
  ["backup", false, /^green$/],
  ["backup that failed", true, /^red with snapshot-failed/],
])("a pod that was not ready before the backup is not waited for after a %s", async (_, volumeFull, expected) => {
  const world = new MemoryWorld({
    request: { allowUnhealthy: true },
    switches: { stuckWriters: ["openshift-apiserver"] },
  });
  // HyperShift puts it back, and its new pods never become ready.
  world.scale("openshift-apiserver", 0);
  await world.timeline.pass(60_000);
  expect(world.readyReplicas["openshift-apiserver"]).toBe(0);
  for (const pod of world.pods.values()) pod.trouble = { ...noTrouble, volumeFull };
  const startedMs = world.timeline.nowMs();
  const step = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, step)))).toMatch(expected);
  expect(step.report.apiServers).toBe("back");
  const end = describeEnd(await world.timeline.play(runPost(world, step)));
  expect(end).toBe("green");
  expect(world.timeline.nowMs() - startedMs).toBeLessThan(60_000);
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

/** Three members, of which etcd-2 follows without a vote; some answer no read. */
function worldWithLearner(deaf: readonly string[], allowUnhealthy: boolean): MemoryWorld {
  const world = worldWithDeaf(deaf, allowUnhealthy);
  const pod = world.pods.get("etcd-2");
  if (pod !== undefined) pod.trouble = { ...noTrouble, learner: true };
  return world;
}

test.each([
  ["refused", [], false, /^red with etcd-unhealthy: .*pod etcd-2 is a learner/],
  ["a warning with allow-unhealthy, and the voters are compared", [], true, /^green$/],
  [
    "not captured where no other member is healthy",
    ["etcd-0", "etcd-1"],
    true,
    /^red with etcd-unhealthy: there is no etcd member that can be captured/,
  ],
])("a pod whose etcd is a learner, which answers no read, is %s", async (_, deaf, allowUnhealthy, expected) => {
  const world = worldWithLearner(deaf, allowUnhealthy);
  const step = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, step)))).toMatch(expected);
  expect(step.lines.join("\n")).not.toContain("etcd-2 did not answer");
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

const dataHash = (key: Buffer): string => createHash("sha256").update(key).digest("hex");

test.each([
  ["of another Secret", "example-old-key", true],
  ["of the same Secret, whose bytes were replaced", "example-etcd-encryption-key", true],
  ["that the record names", "example-etcd-encryption-key", false],
])("a snapshot that is encrypted with the key %s", async (_, name, isOther) => {
  const world = new MemoryWorld();
  const aescbc = { secret: { name }, dataHash: dataHash(isOther ? Buffer.from("another key") : world.aesKey) };
  const status = { secretEncryption: { activeKey: { provider: "AESCBC", aescbc }, history: [{ state: "Completed" }] } };
  world.objects.patch("hostedclusters", "clusters", "example", { status }, { subresource: "status" });
  const end = describeEnd(await world.timeline.play(runMain(world, createStep(world))));
  expect(end).toMatch(isOther ? /^red with encryption-key-rotating/ : /^green$/);
});

test("a snapshot that was opened while its key was rotated is none", async () => {
  let isRotated = false;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation !== "exec save" || isRotated) return undefined;
      isRotated = true;
      const status = { secretEncryption: { targetKey: { aescbc: { secret: { name: "new" }, dataHash: "ab" } } } };
      world.objects.patch("hostedclusters", "clusters", "example", { status }, { subresource: "status" });
      return undefined;
    },
  });
  const before = lookBefore(world);
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toMatch(
    /^red with encryption-key-rotating/,
  );
  expect([...findDown(world, before), ...findLeft(world, before)]).toEqual([]);
});

test("a status of a large snapshot that takes long is waited for", async () => {
  const world = new MemoryWorld({ databaseBytes: 5 * 1024 ** 3 });
  for (const pod of world.pods.values()) pod.statusAfterMs = 40_000;
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
});
