import { beforeAll, expect, test } from "vitest";
import { at, listAt, numberAt, stringAt } from "../../src/json-path.ts";
import { findUnsettled } from "../world/settled.ts";
import type { World } from "../world/world.ts";
import { isPause, isSave, isScaleDown, isScaleUp } from "./requests.ts";
import { shareScenario } from "./scenario.ts";

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

/** What was there when something was asked of a cluster in which each step of HyperShift and of the pods takes its time. */
const seen = { confirmed: [] as boolean[], pods: [] as number[], openedBytes: [] as number[] };
const scenario = shareScenario({
  cluster: {
    switches: {
      copyDelayMs: 800,
      reconcileDelayMs: 500,
      drainMs: 1500,
      beforeSave: () => new Promise((resolve) => setTimeout(resolve, 1000)),
    },
  },
});
beforeAll(async () => {
  const world = scenario();
  let saving = false;
  world.cluster.onRequest((request) => {
    if (isScaleDown(request)) seen.confirmed.push(isPauseConfirmed(world));
    if (isSave(request)) seen.pods.push(writerPods(world));
    saving ||= isSave(request);
    if (isScaleUp(request) || (saving && isPause(request)))
      seen.openedBytes.push(world.cluster.container().newestSnapshotBytes());
  });
  const result = await world.run(world.backupInputs());
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("Nothing is stopped before HyperShift has confirmed the pause", () => {
  expect(seen.confirmed).toEqual([true, true, true]);
});

test("The snapshot is taken after the last pod of the last writer is gone", () => {
  expect(seen.pods).toEqual([0]);
});

test("Nothing is released before the snapshot's file has bytes", () => {
  expect(seen.openedBytes).toHaveLength(4);
  expect(Math.min(...seen.openedBytes)).toBeGreaterThan(0);
});
