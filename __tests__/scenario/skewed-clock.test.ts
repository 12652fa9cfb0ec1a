import { expect, test } from "vitest";
import { stringAt } from "../../src/json-path.ts";
import { findUnsettled } from "../world/settled.ts";
import { isPause } from "./requests.ts";
import { startScenario } from "./scenario.ts";

const minutes = 60_000;

test.each([20, -20])("A cluster whose clock is %d minutes ahead is held by its own clock", async (ahead) => {
  const world = await startScenario({ cluster: { clockSkewMs: ahead * minutes } });
  const heldForMs: number[] = [];
  world.cluster.onRequest((request) => {
    const pausedUntil = isPause(request) ? stringAt(request.body, "spec", "pausedUntil") : undefined;
    if (pausedUntil !== undefined) heldForMs.push(Date.parse(pausedUntil) - world.cluster.clock.nowMs());
  });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(heldForMs.length).toBeGreaterThan(0);
  for (const heldMs of heldForMs) {
    expect(heldMs).toBeGreaterThan(minutes / 2);
    expect(heldMs).toBeLessThan(2 * minutes);
  }
  expect(await findUnsettled(world, result)).toEqual([]);
});
