import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { isPause, isSave, isScaleDown, isScaleUp } from "./requests.ts";
import { countsIn, restoreStored } from "./restored.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();

test("An online backup stops and pauses nothing, and holds every write acknowledged before its save", async () => {
  const world = scenario();
  let before: readonly (readonly [writer: string, count: number])[] = [];
  world.cluster.onRequest((request) => {
    if (isSave(request))
      before = Object.entries(world.cluster.acknowledged).map(([writer, writes]) => [writer, writes.length]);
  });
  const result = await world.run(world.backupInputs({ quiesce: "false" }));
  expect(result.outcome).toBe("success");
  expect(
    world.cluster.requests.filter((request) => isScaleDown(request) || isScaleUp(request) || isPause(request)),
  ).toEqual([]);
  expect(world.cluster.lastWrites).toEqual({
    "kube-apiserver": [],
    "openshift-apiserver": [],
    "openshift-oauth-apiserver": [],
  });
  expect(result.outputs["api-downtime-seconds"]).toBe("0");
  expect(result.summary).toMatch(/<th>API servers<\/th><td>never stopped<\/td>/);
  const record = await world.readRecord(result.outputs["record-uri"] ?? "");
  expect(record).toMatchObject({ quiesced: false, apiDowntimeSeconds: 0 });
  expect(record).not.toHaveProperty("pausedAt");
  expect(record).not.toHaveProperty("resumedAt");
  expect(await findUnsettled(world, result)).toEqual([]);

  const restored = await restoreStored(world, result);
  const counts = await countsIn(restored);
  expect(before).toHaveLength(3);
  for (const [writer, count] of before) expect(counts[writer]).toBeGreaterThanOrEqual(count);
});

test("While an online backup runs, its journal is a lock without a pause", async () => {
  const world = scenario();
  const during: ReturnType<typeof world.hosted>[] = [];
  world.cluster.onRequest((request) => {
    if (isSave(request)) during.push(world.hosted());
  });
  await world.run(world.backupInputs({ quiesce: "false" }));
  expect(during).toMatchObject([{ pausedUntil: undefined, replicas: world.initial.replicas }]);
  expect(JSON.parse(during[0]?.journal ?? "null")).toMatchObject({ v: 1, original: { replicas: {} } });
});
