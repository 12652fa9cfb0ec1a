import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { encryptionKeyName } from "../../../src/encryption/key.ts";
import { parseRecord, type SnapshotRecord } from "../../../src/snapshots/record.ts";
import { createStep, runMain } from "../../world/memory-world/step.ts";
import { MemoryWorld, type MemoryWorldOptions } from "../../world/memory-world/world.ts";
import { findLeft, findWrong, lookBefore } from "../oracle.ts";
import { describeEnd } from "../trial.ts";

interface Ended {
  readonly end: string;
  readonly record: SnapshotRecord | undefined;
  readonly lines: readonly string[];
  readonly keys: readonly string[];
}

/** Backs up a world that `change` made ready; nothing is left or wrong afterwards, however it ended. */
async function backUp(
  options: MemoryWorldOptions,
  change: (world: MemoryWorld) => void = () => undefined,
): Promise<Ended> {
  const world = new MemoryWorld(options);
  change(world);
  const before = lookBefore(world);
  const step = createStep(world);
  const end = await world.timeline.play(runMain(world, step));
  expect([...findLeft(world, before), ...findWrong(world, before, step.lines)]).toEqual([]);
  const key = world.bucket.keys.find((name) => name.endsWith(".json"));
  const record = key === undefined ? undefined : parseRecord(world.bucket.read(key).toString(), key);
  return { end: describeEnd(end), record, lines: step.lines, keys: world.bucket.keys };
}

/** Does something to the world when the save is asked for. */
function atSave(change: (world: MemoryWorld) => void): (world: MemoryWorld) => void {
  return (world) => {
    let done = false;
    world.weather = ({ operation }) => {
      if (operation === "exec save" && !done) {
        done = true;
        world.timeline.after(15, () => {
          change(world);
        });
      }
      return undefined;
    };
  };
}

test("an alarm that came after preflight, and is in the file, is told", async () => {
  const { end, lines } = await backUp({}, ({ pods }) => {
    for (const pod of pods.values()) pod.trouble = { ...pod.trouble, noSpace: true };
  });
  expect(end).toBe("green");
  expect(lines.join("\n")).toContain("the snapshot has the alarm NOSPACE: a restored etcd has it, too");
});

test("a green backup's record says what is in the snapshot, and what a restore of it answers", async () => {
  const { end, record } = await backUp({});
  expect(end).toBe("green");
  expect(record).toMatchObject({
    contents: { namespaces: 1, secrets: 3, configmaps: 2, leases: 3 },
    liveSet: { keys: 9 },
    encryption: { type: "aescbc", valuesChecked: 3 },
    proofs: { trailer: true, readBack: true, structure: true, keysProven: true },
    prediction: {
      plain: { revision: record?.snapshots[0]?.revision },
      bumped: { revision: (record?.snapshots[0]?.revision ?? 0) + 1_000_000_000 },
      members: { "1": { memberIds: [expect.any(String)] }, "3": { clusterId: "6aa29d70b678c330" } },
    },
    snapshots: [{ liveKeys: 9, entries: expect.any(Number) as number }],
  });
});

test("a snapshot whose Secrets are encrypted with another key than the kept one is red", async () => {
  const other = createHash("sha256").update("another key").digest();
  const { end, record } = await backUp({}, (world) => {
    world.secretsKey = other;
  });
  expect(end).toMatch(/^red with encryption-key-unproven/);
  expect(end).toContain(`3 values are encrypted with the key ${encryptionKeyName(other)}`);
  // The object is whole: it is recorded, and nobody takes it for more than it is.
  expect(record?.proofs).toMatchObject({ structure: true, keysProven: false });
});

const unencrypted = { hostedClusterPatch: { spec: { secretEncryption: null } } };

test("encrypted values in a cluster that is configured without encryption are red", async () => {
  const { end, record } = await backUp(unencrypted);
  expect(end).toMatch(/^red with encryption-key-unproven: 3 values .* configured for no encryption/);
  expect(record?.proofs.keysProven).toBe(false);
});

test("a cluster without encryption, and without encrypted values, is proven", async () => {
  const { end, record } = await backUp(unencrypted, (world) => {
    world.secretsKey = undefined;
  });
  expect(end).toBe("green");
  expect(record?.proofs.keysProven).toBe(true);
});

test("Secrets in clear in a cluster that is configured to encrypt are a warning with their number", async () => {
  const { end, record, lines } = await backUp({}, (world) => {
    world.secretsKey = undefined;
  });
  expect(end).toBe("green");
  expect(lines.join("\n")).toContain("3 of 3 Secrets are in clear in etcd");
  // Nothing was opened with the key: that is not known, and not false.
  expect(record?.proofs).not.toHaveProperty("keysProven");
});

test("a key whose lease expired while the API servers were stopped is nobody's write", async () => {
  const { end, record } = await backUp(
    {},
    atSave(({ keyspace }) => {
      keyspace.change("expired");
    }),
  );
  expect(end).toBe("green");
  expect(record?.contents).toMatchObject({ leases: 2 });
});

test("a write of somebody else while the API servers were stopped is red", async () => {
  const { end, keys } = await backUp(
    {},
    atSave(({ keyspace }) => {
      keyspace.change("foreign");
    }),
  );
  expect(end).toMatch(/^red with writers-not-stopped: .* 1 writes and 0 deletions/);
  expect(keys).toEqual([]);
});

test("an online backup has the writes of others in it", async () => {
  const { end } = await backUp(
    { request: { quiesce: false } },
    atSave(({ keyspace }) => {
      keyspace.change("foreign");
    }),
  );
  expect(end).toBe("green");
});

test("a damaged structure under right hashes is red, and no object of it stays", async () => {
  const { end, keys } = await backUp({}, (world) => {
    for (const pod of world.pods.values()) pod.trouble = { ...pod.trouble, misbuilt: true };
  });
  expect(end).toMatch(/^red with proof-failed: of the object s3:\/\/.* not a whole snapshot of etcd/);
  expect(keys).toEqual([]);
});

test("a file of which the tools in the pod say something else is red", async () => {
  const { end, keys } = await backUp({}, (world) => {
    for (const pod of world.pods.values()) pod.trouble = { ...pod.trouble, lying: true };
  });
  expect(end).toMatch(/^red with proof-failed: the tools in pod etcd-\d said of the snapshot hash/);
  expect(keys).toEqual([]);
});
