import { expect, test } from "vitest";
import { journalAnnotation, renderJournal } from "../../src/hold/journal.ts";
import { snapshotKey } from "../../src/snapshots/location.ts";
import { noTrouble } from "../world/memory-world/etcd-pod.ts";
import { completedRuns, createRecoverStep, runRecover } from "../world/memory-world/recover-step.ts";
import { createStep, runMain } from "../world/memory-world/step.ts";
import { controlPlane, hostedClusterRef, MemoryWorld } from "../world/memory-world/world.ts";
import { dieInCapture, setScene } from "./matrix/outcome.ts";
import { replacePods } from "./matrix/phase.ts";
import { findLeft } from "./oracle.ts";
import { describeEnd } from "./trial.ts";

const nonce = "0123456789abcdef".repeat(2);
const hourMs = 3_600_000;

/** A save of a run with `nonce` in the pod etcd-1, as it is when the run has gone. */
async function leaveFile(world: MemoryWorld): Promise<void> {
  const file = `/var/lib/hypershift-etcd-backup-${nonce}-1.db`;
  await world.timeline.play(
    world.pods.get("etcd-1")?.run(["sh", "-c", "", "save", "start", file, "60", "1"]) ??
      Promise.reject(new Error("there is no pod")),
  );
}

function leaveObject(
  world: MemoryWorld,
  metadata: Readonly<Record<string, string>>,
  acquired = world.clock.now(),
): string {
  const key = snapshotKey({ prefix: world.request.prefix, ...hostedClusterRef, acquired, nonce });
  world.bucket.put(key, Buffer.from("a snapshot"), metadata);
  return key;
}

async function recover(world: MemoryWorld): Promise<string> {
  return describeEnd(await world.timeline.play(runRecover(world, createRecoverStep(world))));
}

test("the files of a live run are left alone, however old they are", async () => {
  const world = new MemoryWorld();
  await leaveFile(world);
  await world.timeline.pass(3 * hourMs);
  const journal = renderJournal({
    v: 1,
    nonce,
    run: { repository: "octo/backups", runId: "1", runAttempt: "1", url: "" },
    acquired: world.clock.timestamp(-3 * hourMs),
    deadline: world.clock.timestamp(600_000),
    phase: "transfer",
    original: { pausedUntil: null, replicas: {} },
    members: ["etcd-1"],
  });
  world.patchHostedCluster({ metadata: { annotations: { [journalAnnotation]: journal } } });
  expect(await recover(world)).toBe("green");
  expect(world.pods.get("etcd-1")?.leftFiles).not.toEqual([]);
});

test.each([
  ["young", 60_000, false],
  ["old", 3 * hourMs, true],
])("the %s files of a run that nobody knows", async (_, ageMs, isRemoved) => {
  const world = new MemoryWorld();
  await leaveFile(world);
  await world.timeline.pass(ageMs);
  expect(await recover(world)).toBe("green");
  expect(world.pods.get("etcd-1")?.leftFiles.length === 0).toBe(isRemoved);
});

test.each([
  ["young", 60_000, nonce, false],
  ["older than any lock", 3 * hourMs, nonce, false],
  ["days old", 8 * 24 * hourMs, nonce, true],
  ["days old, and another run's by its nonce", 8 * 24 * hourMs, "f".repeat(32), false],
  ["days old, and without a nonce", 8 * 24 * hourMs, undefined, false],
])("an object without a record that is %s", async (_, ageMs, ofNonce, isRemoved) => {
  const world = new MemoryWorld();
  const key = leaveObject(world, ofNonce === undefined ? {} : { nonce: ofNonce });
  await world.timeline.pass(ageMs);
  expect(await recover(world)).toBe("green");
  expect(world.bucket.find(key) === undefined).toBe(isRemoved);
});

test.each([
  ["is pinned", ".keep"],
  ["has the result of a drill, which is made of recorded runs only", ".drill-20261130T000000Z.json"],
])("an object without a record stays where its run %s", async (_, ending) => {
  const world = new MemoryWorld();
  const key = leaveObject(world, { nonce });
  const beside = key.replace(/\.db$/, ending);
  world.bucket.put(beside, Buffer.alloc(0), { nonce });
  await world.timeline.pass(8 * 24 * hourMs);
  expect(await recover(world)).toBe("green");
  expect(world.bucket.keys).toEqual([key, beside].toSorted());
});

test("an object without a record stays where it is pinned while recover looks", async () => {
  const world = new MemoryWorld();
  const key = leaveObject(world, { nonce });
  await world.timeline.pass(8 * 24 * hourMs);
  const pin = key.replace(/\.db$/, ".keep");
  const { bucket } = world;
  const countVersions = bucket.countVersions.bind(bucket);
  bucket.countVersions = (asked) => {
    if (bucket.find(pin) === undefined) bucket.put(pin, Buffer.alloc(0), {});
    return countVersions(asked);
  };
  expect(await recover(world)).toBe("green");
  expect(world.bucket.keys).toEqual([key, pin].toSorted());
});

test("an object that is young by the store's clock stays, however old its name is", async () => {
  const world = new MemoryWorld();
  const key = leaveObject(world, { nonce }, new Date(world.clock.now().getTime() - 8 * 24 * hourMs));
  expect(await recover(world)).toBe("green");
  expect(world.bucket.find(key)).toBeDefined();
});

/** The node of etcd-2 is away; its pod says Running, as Kubernetes leaves it. */
function loseNode(world: MemoryWorld): void {
  const pod = world.pods.get("etcd-2");
  if (pod !== undefined) pod.trouble = { ...noTrouble, nodeAway: true };
}

test("a node that is away keeps no backup of the other members", async () => {
  const world = new MemoryWorld({ etcdMembers: 3, request: { allowUnhealthy: true } });
  loseNode(world);
  const status = { conditions: [{ type: "Ready", status: "False" }] };
  world.objects.patch("pods", controlPlane, "etcd-2", { status }, { subresource: "status" });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
});

test("a node that is away is told, and all else of a dead run is put back and removed", async () => {
  const scene = await setScene();
  const { world, before } = scene;
  await dieInCapture(scene);
  expect(world.replicas["kube-apiserver"]).toBe(0);
  loseNode(world);
  const recovery = createRecoverStep(world, completedRuns);
  expect(describeEnd(await world.timeline.play(runRecover(world, recovery)))).toMatch(/^red with cluster-unreachable/);
  expect(recovery.report).toMatchObject({ recovered: true, apiServers: "back" });
  expect(recovery.report.left).toEqual([expect.stringContaining("etcd-2")]);
  expect(findLeft(world, before)).toEqual([]);
});

test.each([
  ["is back after a while: its files are removed", 30_000, "green", []],
  [
    "does not come back: that nobody looked is told",
    Infinity,
    "red with exec-failed",
    [expect.stringContaining("etcd-")],
  ],
])("the pod of a dead run is being replaced, and %s", async (_, awayMs, end, left) => {
  const scene = await setScene();
  const { world, before } = scene;
  await dieInCapture(scene);
  replacePods(world, awayMs);
  const recovery = createRecoverStep(world, completedRuns);
  expect(describeEnd(await world.timeline.play(runRecover(world, recovery)))).toMatch(new RegExp(`^${end}`));
  expect(recovery.report.left).toEqual(left);
  if (awayMs < Infinity) expect(findLeft(world, before)).toEqual([]);
});

test("an original pause that the API does not take any more is removed", async () => {
  const world = new MemoryWorld();
  const { namespace, name } = hostedClusterRef;
  const hostedCluster = world.objects.get("hostedclusters", namespace, name);
  const spec = { ...(hostedCluster["spec"] as object), pausedUntil: "soon" };
  world.watch.expectForeign({ spec: { pausedUntil: "soon" } });
  world.objects.replace("hostedclusters", { ...hostedCluster, spec });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
  expect(world.pausedUntil).toBeUndefined();
});
