import { expect, test } from "vitest";
import type { ManagementClusterOptions } from "../world/management-cluster/management-cluster.ts";
import { findUnsettled } from "../world/settled.ts";
import type { World } from "../world/world.ts";
import { apiServersRow, titlesOf } from "../scenario/refusal.ts";
import { isSave, isScaleDown } from "../scenario/requests.ts";
import { countsIn, restoreStored } from "../scenario/restored.ts";
import { startScenario } from "../scenario/scenario.ts";

/** Of each writer the number of its last write before the save began, counted from the world's start. */
function noteWritesAtSave(world: World): () => Readonly<Record<string, number>> {
  let counts: Readonly<Record<string, number>> = {};
  world.cluster.onRequest((request) => {
    if (isSave(request))
      counts = Object.fromEntries(
        Object.entries(world.cluster.acknowledged).map(([writer, writes]) => [writer, writes.length]),
      );
  });
  return () => counts;
}

test.each<readonly [what: string, options: ManagementClusterOptions]>([
  ["ends an update that was under way when it was paused", { switches: { updateUnderWay: true } }],
  ["puts stopped API servers back once although it is paused", { switches: { rescalesWhilePaused: "once" } }],
  ["has a pod that was evicted long ago", { evictedPod: true }],
])("A hosted cluster that %s is backed up with its last write", async (_, options) => {
  const world = await startScenario({ cluster: options });
  const writesAtSave = noteWritesAtSave(world);
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  const restored = await restoreStored(world, result);
  expect(Object.keys(writesAtSave())).toHaveLength(3);
  expect(await countsIn(restored)).toEqual(writesAtSave());
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A lease that ends between the two looks at the revision is no write", async () => {
  const world = await startScenario({ cluster: { switches: { leaseEndsBeforeSave: true } } });
  const writesAtSave = noteWritesAtSave(world);
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  const last = Math.max(...Object.values(world.cluster.lastWrites).map(([write]) => write?.revision ?? NaN));
  expect(Number(result.outputs["snapshot-revision"])).toBe(last + 1);
  expect(await countsIn(await restoreStored(world, result))).toEqual(writesAtSave());
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("API servers that HyperShift starts again and again are let go, and no snapshot is taken", async () => {
  const world = await startScenario({ cluster: { switches: { rescalesWhilePaused: "always" } } });
  const result = await world.run(world.backupInputs());
  expect([result.exitCode, titlesOf(result)]).toEqual([1, ["writers-not-stopped"]]);
  expect(world.cluster.requests.filter(isSave)).toEqual([]);
  expect(apiServersRow(result)).toBe("back");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("An API server that does not come back is told first, and the snapshot is kept", async () => {
  const world = await startScenario({
    // The post step waits for postMs less one request.
    limits: { writersReadyMs: 3_000, recordPatienceMs: 1_000, undoMs: 3_000, postMs: 33_000 },
  });
  world.cluster.onRequest((request) => {
    if (isScaleDown(request)) world.cluster.set({ stuckWriters: ["kube-apiserver"] });
  });
  const result = await world.run(world.backupInputs());
  expect([result.exitCode, titlesOf(result)]).toEqual([1, ["release-failed"]]);
  expect(apiServersRow(result)).toMatch(/^NOT back/);
  expect(result.annotations.map(({ message }) => message).join()).toContain("oc scale deployment/kube-apiserver");
  expect(result.post && [result.post.exitCode, titlesOf(result.post)]).toEqual([1, ["release-failed"]]);
  expect(result.outputs["snapshot-uri"]).toBe(`s3://${world.bucket}/${world.objectKeys()[0] ?? ""}`);
  expect(result.outputs).not.toHaveProperty("api-downtime-seconds");
  // HyperShift starts the others one after the other, and this run does it at once.
  expect(await findUnsettled(world, result, { settleMs: 5_000 })).toEqual(["cluster: kube-apiserver has 0 pods ready"]);
});
