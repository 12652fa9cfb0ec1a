import { expect, test } from "vitest";
import { findUnsettled } from "../fakes/settled.ts";
import { startScenario } from "./scenario.ts";

test("A read whose connection is cut is done again, and the one that blocks in the pod is ended", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 12 * 1024 ** 2 } } });
  const isRead = (argv: readonly string[]): boolean => argv.some((argument) => argument.includes("dd if="));
  world.cluster.addExecFault({ match: { argv: isRead }, fault: { kind: "cut", atBytes: 100_000 } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
});
