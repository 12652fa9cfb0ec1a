import { expect, test } from "vitest";
import { parseRecord, type SnapshotRecord } from "../../../src/snapshots/record.ts";
import type { EtcdPod } from "../../world/memory-world/etcd-pod.ts";
import { createStep, runMain } from "../../world/memory-world/step.ts";
import { MemoryWorld, type MemoryWorldOptions } from "../../world/memory-world/world.ts";
import { findLeft, findWrong, lookBefore } from "../oracle.ts";
import { describeEnd } from "../trial.ts";

interface Ended {
  readonly end: string;
  readonly record: SnapshotRecord;
  readonly text: string;
}

type Change = (pods: readonly EtcdPod[], world: MemoryWorld) => void;

async function play(options: MemoryWorldOptions, change: Change) {
  const world = new MemoryWorld(options);
  change([...world.pods.values()], world);
  const before = lookBefore(world);
  const step = createStep(world);
  const end = await world.timeline.play(runMain(world, step));
  expect([...findLeft(world, before), ...findWrong(world, before, step.lines)]).toEqual([]);
  return { world, step, end };
}

/** Backs up a world whose etcd pods `change` made ready; the record is there in each case. */
async function backUp(options: MemoryWorldOptions, change: Change): Promise<Ended> {
  const { world, step, end } = await play(options, change);
  const key = world.bucket.keys.find((name) => name.endsWith(".json")) ?? "";
  return {
    end: describeEnd(end),
    record: parseRecord(world.bucket.read(key).toString(), key),
    text: step.lines.join("\n"),
  };
}

test.each([1, 3])("%d members that have the data of the file are said to agree", async (etcdMembers) => {
  const availabilityPolicy = etcdMembers === 1 ? "SingleReplica" : "HighlyAvailable";
  const { end, record } = await backUp({ etcdMembers, availabilityPolicy }, () => undefined);
  expect(end).toBe("green");
  expect(record.proofs.membersAgree).toBe(true);
  const { hash } = record.snapshots[0]?.hashKV ?? {};
  expect(record.members.map(({ hashKV }) => hashKV)).toEqual(Array.from({ length: etcdMembers }, () => hash));
});

test("a member that has diverged is red, and each member is named with its hash", async () => {
  const { end, record } = await backUp({}, (pods) => {
    for (const pod of pods.slice(2)) pod.trouble = { ...pod.trouble, diverged: true };
  });
  expect(end).toMatch(/^red with members-diverged: .* HashKV of etcd-0 \d+, etcd-1 \d+, etcd-2 \d+/);
  expect(record.proofs.membersAgree).toBe(false);
});

test("allow-unhealthy does not turn members that differ green", async () => {
  const { end } = await backUp({ request: { allowUnhealthy: true } }, (pods) => {
    for (const pod of pods.slice(2)) pod.trouble = { ...pod.trouble, diverged: true };
  });
  expect(end).toMatch(/^red with members-diverged/);
});

test("a file that is not what its only member says is red", async () => {
  const { end, record } = await backUp({ etcdMembers: 1, availabilityPolicy: "SingleReplica" }, ([pod]) => {
    if (pod === undefined) return;
    // It saves what it has, and answers otherwise from then on.
    const run = pod.run.bind(pod);
    pod.run = (argv, ...input) => {
      if (argv[3] === "hash") pod.trouble = { ...pod.trouble, diverged: true };
      return run(argv, ...input);
    };
  });
  expect(end).toMatch(/^red with members-diverged: .* HashKV of etcd-0 \d+, the file \d+/);
  expect(record.proofs.membersAgree).toBe(false);
});

test("members that compacted after the capture are compared with the file for that compaction", async () => {
  const { end, record } = await backUp({}, (pods) => {
    for (const pod of pods) pod.compactedBy = [1];
  });
  expect(end).toBe("green");
  expect(record.proofs.membersAgree).toBe(true);
  const { hashKV, revision } = record.snapshots[0] ?? {};
  expect(hashKV).toMatchObject({ revision, compactRevision: (revision ?? 0) - 2 });
});

test.each<[string, string, (world: MemoryWorld, key: string) => void]>([
  [
    "has rotted",
    "proof-failed",
    (world, key) => {
      world.bucket.damage(key);
    },
  ],
  [
    "is gone",
    "object-not-found",
    (world, key) => {
      world.bucket.delete(key);
    },
  ],
])("a stored snapshot that %s when it is read again for the members is red, and no backup", async (_, code, strike) => {
  const { world, end } = await play({}, (pods, world) => {
    const { bucket } = world;
    for (const pod of pods) pod.compactedBy = [1];
    const [first] = pods;
    if (first === undefined) return;
    const run = first.run.bind(first);
    first.run = (argv, ...input) => {
      const key = bucket.keys.find((name) => name.endsWith(".db"));
      if (argv[3] === "hash" && key !== undefined) strike(world, key);
      return run(argv, ...input);
    };
  });
  expect(describeEnd(end)).toMatch(new RegExp(`^red with ${code}`));
  expect(world.bucket.keys).toEqual([]);
});

test("members between whose answers a compaction came are asked once more", async () => {
  const { end, record } = await backUp({}, (pods) => {
    for (const [index, pod] of pods.entries()) pod.compactedBy = [index === 2 ? 1 : 0, 1];
  });
  expect(end).toBe("green");
  expect(record.proofs.membersAgree).toBe(true);
});

test("a comparison that compactions overtook twice is a warning, and is not known", async () => {
  const { end, record, text } = await backUp({}, (pods) => {
    for (const pod of pods) pod.compactedBy = [100, 100];
  });
  expect(end).toBe("green");
  expect(record.proofs).not.toHaveProperty("membersAgree");
  expect(text).toContain("whether all etcd members have the same data is not known");
});
