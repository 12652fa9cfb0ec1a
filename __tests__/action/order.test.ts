import { expect, test } from "vitest";
import { at, listAt, numberAt, stringAt } from "../../src/hypershift/json-path.ts";
import { findUnsettled } from "../fakes/settled.ts";
import type { World } from "../fakes/world.ts";
import { isPause, isSave, isScaleDown, isScaleUp } from "./requests.ts";
import { startScenario } from "./scenario.ts";

/** What the control plane says of the pause in one look. */
function isPauseConfirmed(world: World): boolean {
  const controlPlane = world.cluster.hostedControlPlane();
  const pausedUntil = stringAt(controlPlane, "spec", "pausedUntil");
  const condition = listAt(controlPlane, "status", "conditions").find(
    (candidate) => at(candidate, "type") === "ReconciliationActive",
  );
  return (
    pausedUntil !== undefined &&
    pausedUntil === world.hosted().pausedUntil &&
    at(condition, "status") === "False" &&
    at(condition, "observedGeneration") === numberAt(controlPlane, "metadata", "generation")
  );
}

function writerPods(world: World): number {
  return Object.keys(world.initial.replicas).flatMap((writer) => world.cluster.pods(`app=${writer}`)).length;
}

test("Nothing is stopped before HyperShift has confirmed the pause", async () => {
  const world = await startScenario({ cluster: { switches: { copyDelayMs: 800, reconcileDelayMs: 500 } } });
  const confirmed: boolean[] = [];
  world.cluster.onRequest((request) => {
    if (isScaleDown(request)) confirmed.push(isPauseConfirmed(world));
  });
  const result = await world.run(world.backupInputs());
  expect(confirmed).toEqual([true, true, true]);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("The snapshot is taken after the last pod of the last writer is gone", async () => {
  const world = await startScenario({ cluster: { switches: { drainMs: 1500 } } });
  const pods: number[] = [];
  world.cluster.onRequest((request) => {
    if (isSave(request)) pods.push(writerPods(world));
  });
  const result = await world.run(world.backupInputs());
  expect(pods).toEqual([0]);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("Nothing is released before the snapshot's file has bytes", async () => {
  const world = await startScenario({
    cluster: { switches: { beforeSave: () => new Promise((resolve) => setTimeout(resolve, 1000)) } },
  });
  const openedBytes: number[] = [];
  let saving = false;
  world.cluster.onRequest((request) => {
    saving ||= isSave(request);
    if (isScaleUp(request) || (saving && isPause(request)))
      openedBytes.push(world.cluster.container().newestSnapshotBytes());
  });
  const result = await world.run(world.backupInputs());
  expect(openedBytes).toHaveLength(4);
  expect(Math.min(...openedBytes)).toBeGreaterThan(0);
  expect(await findUnsettled(world, result)).toEqual([]);
});
