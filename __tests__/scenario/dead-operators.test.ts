import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { apiServersRow, titlesOf } from "./refusal.ts";
import { isScaleDown } from "./requests.ts";
import { startScenario } from "./scenario.ts";

test.each(["hypershiftOperator", "controlPlaneOperator"] as const)(
  "Nothing is stopped when the %s is dead, and the pause is taken back",
  async (operator) => {
    const world = await startScenario({
      limits: { pauseConfirmedMs: 2_000 },
      cluster: { switches: { [operator]: "dead" } },
    });
    const result = await world.run(world.backupInputs());
    expect([result.exitCode, titlesOf(result)]).toEqual([1, ["pause-not-confirmed"]]);
    expect(world.cluster.requests.filter(isScaleDown)).toEqual([]);
    expect(apiServersRow(result)).toBe("never stopped");
    expect(result.post?.outcome).toBe("success");
    expect(await findUnsettled(world, result)).toEqual([]);
  },
);
