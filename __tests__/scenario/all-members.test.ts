import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { titlesOf } from "./refusal.ts";
import { isScaleDown } from "./requests.ts";
import { startScenario } from "./scenario.ts";

test("All three members are captured under one stop; one whose object turns a byte is red, and the others stay", async () => {
  const world = await startScenario({ cluster: { availabilityPolicy: "HighlyAvailable", etcdMembers: 3 } });
  const result = await world.run(world.backupInputs({ members: "all" }));
  expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
  expect(world.cluster.requests.filter(isScaleDown)).toHaveLength(3);
  expect(result.summary).toContain("<th>Members with a snapshot</th><td>etcd-0, etcd-1, etcd-2</td>");
  const record = await world.readRecord(result.outputs["record-uri"] ?? "");
  expect(new Set(record.members.map(({ hashKV }) => hashKV)).size).toBe(1);
  const revisions = record.snapshots.map(({ revision }) => revision);
  expect(revisions).toHaveLength(3);
  expect(result.outputs["snapshot-revision"]).toBe(String(Math.max(...revisions)));
  expect(await findUnsettled(world, result)).toEqual([]);

  // Each of them is found by its own address, with the one record.
  for (const { uri, sha256 } of record.snapshots) {
    const { manifest: _, ...given } = world.restoreInputs(uri, { mode: "verify" });
    const proven = await world.run({ ...given, "hosted-cluster": "example" });
    expect(proven.outputs).toMatchObject({ "snapshot-sha256": sha256, "record-uri": result.outputs["record-uri"] });
  }

  const stored = world.objectKeys();
  world.store.faults.add({
    on: "CompleteMultipartUpload",
    // The first one is preflight's, of a part that was never sent.
    nth: 3,
    times: 1,
    action: { kind: "flip-byte", offset: 5000 },
  });
  const red = await world.run(world.backupInputs({ members: "all" }));
  expect([titlesOf(red), red.exitCode]).toEqual([["proof-failed"], 1]);
  expect(world.objectKeys()).toHaveLength(stored.length + 3);
  const rest = await world.readRecord(red.outputs["record-uri"] ?? "");
  expect(rest.snapshots.map(({ member }) => member.name)).toEqual(["etcd-0", "etcd-2"]);
  expect(await findUnsettled(world, red)).toEqual([]);
});
