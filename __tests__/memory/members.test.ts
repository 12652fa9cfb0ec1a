import { expect, test } from "vitest";
import { parseRecord, type SnapshotRecord } from "../../src/snapshots/record.ts";
import { noTrouble, type PodTrouble } from "../world/memory-world/etcd-pod.ts";
import { createStep, runMain, runPost, type Step } from "../world/memory-world/step.ts";
import { MemoryWorld, type MemoryWorldOptions } from "../world/memory-world/world.ts";
import { findDown, findLeft, findUntruths, findWrong, lookBefore } from "./oracle.ts";
import { describeEnd } from "./trial.ts";

interface Ended {
  readonly world: MemoryWorld;
  readonly step: Step;
  readonly end: string;
  /** Undefined where none was written. */
  readonly record: SnapshotRecord | undefined;
}

/** Captures all members of a world that `change` made ready, and finds nothing left and nothing untrue. */
async function captureAll(options: MemoryWorldOptions, change?: (world: MemoryWorld) => void): Promise<Ended> {
  const world = new MemoryWorld({ ...options, request: { members: "all", ...options.request } });
  change?.(world);
  const before = lookBefore(world);
  const step = createStep(world);
  const end = await world.timeline.play(runMain(world, step));
  const untrue = findUntruths(world, step, end);
  await world.timeline.play(runPost(world, step));
  expect([
    ...untrue,
    ...findDown(world, before),
    ...findLeft(world, before),
    ...findWrong(world, before, step.lines),
  ]).toEqual([]);
  return { world, step, end: describeEnd(end), record: readRecord(world) };
}

function readRecord({ bucket }: MemoryWorld): SnapshotRecord | undefined {
  const key = bucket.keys.find((name) => name.endsWith(".json"));
  return key === undefined ? undefined : parseRecord(bucket.read(key).toString(), key);
}

function ail(name: string, trouble: Partial<PodTrouble>): (world: MemoryWorld) => void {
  return ({ pods }) => {
    const pod = pods.get(name);
    if (pod !== undefined) pod.trouble = { ...noTrouble, ...trouble };
  };
}

function capturedIn(record: SnapshotRecord | undefined): readonly string[] {
  return record?.snapshots.map(({ member }) => member.name) ?? [];
}

test("all three members are captured under one hold, and one record names their snapshots", async () => {
  const { world, step, end, record } = await captureAll({});
  expect(end).toBe("green");
  expect(capturedIn(record)).toEqual(["etcd-0", "etcd-1", "etcd-2"]);
  expect(record?.proofs).toMatchObject({ membersAgree: true, keysProven: true });
  for (const { uri, member } of record?.snapshots ?? []) expect(uri).toMatch(new RegExp(`-${member.name}\\.db$`));
  expect(step.report.snapshotUri).toBe(record?.snapshots[0]?.uri);
  // One stop for all: the API servers are down no longer than for one member.
  const alone = new MemoryWorld();
  await alone.timeline.play(runMain(alone, createStep(alone)));
  expect(world.watch.longestOutageMs).toBeLessThan(alone.watch.longestOutageMs + 1000);
});

test("the only member is captured as without the input, under the name of the run alone", async () => {
  const { end, record } = await captureAll({ etcdMembers: 1, availabilityPolicy: "SingleReplica" });
  expect(end).toBe("green");
  expect(record?.snapshots[0]?.uri).toMatch(/Z-[0-9a-f]{8}\.db$/);
  expect(record?.snapshots).toHaveLength(1);
});

test("online, members that wrote on are each compared at the revision of their own file", async () => {
  const { end, record } = await captureAll({ request: { quiesce: false } });
  expect(end).toBe("green");
  expect(capturedIn(record)).toHaveLength(3);
  expect(record?.proofs.membersAgree).toBe(true);
  for (const { revision, hashKV } of record?.snapshots ?? []) expect(hashKV?.revision).toBe(revision);
});

test.each<[string, Partial<PodTrouble>, string]>([
  ["in its capture", { stalled: true }, "snapshot-not-opened"],
  ["while it is saved", { volumeFull: true }, "snapshot-failed"],
  ["in its transfer", { garbled: true }, "transfer-failed"],
  ["in its proof", { misbuilt: true }, "proof-failed"],
])("a member that falls out %s is red, and the others are recorded", async (_, trouble, code) => {
  const { end, record, step } = await captureAll({}, ail("etcd-1", trouble));
  expect(end).toMatch(new RegExp(`^red with ${code}: `));
  expect(capturedIn(record)).toEqual(["etcd-0", "etcd-2"]);
  expect(step.report.snapshotUri).toBe(record?.snapshots[0]?.uri);
  expect(step.report.apiServers).toBe("back");
});

test("the object of a lost member that the store does not delete is named in log and summary", async () => {
  const world = new MemoryWorld({
    request: { members: "all" },
    weather: ({ operation }) => (operation === "delete object" ? { fate: "refused" } : undefined),
  });
  ail("etcd-1", { misbuilt: true })(world);
  const step = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, step)))).toMatch(/^red with proof-failed/);
  const lost = world.bucket.keys.filter((key) => key.endsWith("-etcd-1.db")).map((key) => `s3://backups/${key}`);
  expect(lost).toHaveLength(1);
  const [uri = ""] = lost;
  expect(step.lines).toContainEqual(
    expect.stringMatching(new RegExp(`^what this run left at ${uri} could not be removed \\(store-access-denied`)),
  );
  expect(step.lines).toContainEqual(expect.stringMatching(new RegExp(`^Not removed: <code>${uri}</code>`)));
  expect(capturedIn(readRecord(world))).toEqual(["etcd-0", "etcd-2"]);
});

test("where every member falls out, there is no record", async () => {
  const { end, record } = await captureAll({}, (world) => {
    for (const name of world.pods.keys()) ail(name, { garbled: true })(world);
  });
  expect(end).toMatch(/^red with transfer-failed/);
  expect(record).toBeUndefined();
});

test("a member that has diverged is red, and the snapshots of all are recorded", async () => {
  const { end, record } = await captureAll({}, ail("etcd-2", { diverged: true }));
  expect(end).toMatch(/^red with members-diverged/);
  expect(capturedIn(record)).toHaveLength(3);
  expect(record?.proofs.membersAgree).toBe(false);
});

test("a run that is cancelled while the second snapshot travels records the first, and removes the second", async () => {
  const world = new MemoryWorld({ request: { members: "all" } });
  const before = lookBefore(world);
  const step = createStep(world);
  let uploads = 0;
  world.weather = ({ operation }) => {
    if (operation === "complete upload") uploads += 1;
    if (uploads === 2) step.machine.cancel();
    return undefined;
  };
  const end = await world.timeline.play(runMain(world, step));
  world.weather = () => undefined;
  await world.timeline.play(runPost(world, step));
  expect(describeEnd(end)).toMatch(/^red with cancelled/);
  expect(capturedIn(readRecord(world))).toEqual(["etcd-0"]);
  expect([...findLeft(world, before), ...findWrong(world, before, step.lines)]).toEqual([]);
});

test("a member that is not ready is left out where findings on health are accepted", async () => {
  const { end, record } = await captureAll({ request: { allowUnhealthy: true } }, ({ objects }) => {
    objects.remove("pods", "clusters-example", "etcd-2");
  });
  expect(end).toBe("green");
  expect(capturedIn(record)).toEqual(["etcd-0", "etcd-1"]);
});

test("a stored snapshot that rots before the members are compared falls out, and the others are recorded", async () => {
  const { end, record, world } = await captureAll({}, ({ pods, bucket }) => {
    for (const pod of pods.values()) pod.compactedBy = [1];
    const first = pods.get("etcd-0");
    if (first === undefined) return;
    const run = first.run.bind(first);
    first.run = (argv, ...input) => {
      const [key] = bucket.keys.filter((name) => name.endsWith(".db"));
      if (argv[3] === "hash" && key !== undefined) bucket.damage(key);
      return run(argv, ...input);
    };
  });
  expect(end).toMatch(/^red with proof-failed/);
  expect(capturedIn(record)).toHaveLength(2);
  expect(world.bucket.keys.filter((name) => name.endsWith(".db"))).toHaveLength(2);
});
