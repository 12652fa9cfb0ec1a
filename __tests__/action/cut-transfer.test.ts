import { expect, test } from "vitest";
import { findUnsettled } from "../fakes/settled.ts";
import { startScenario } from "./scenario.ts";

const isRead = (argv: readonly string[]): boolean => argv.some((argument) => argument.includes("dd if="));

test("A read whose connection is cut is done again, and the one that blocks in the pod is ended", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 12 * 1024 ** 2 } } });
  world.cluster.addExecFault({ match: { argv: isRead }, fault: { kind: "cut", atBytes: 100_000 } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A read that is killed, as by the end of its container, is done again", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 12 * 1024 ** 2 } } });
  world.cluster.addExecFault({ match: { argv: isRead }, fault: { kind: "kill", atBytes: 100_000 } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(result.log).toContain("it was killed by signal 9");
  expect(await findUnsettled(world, result)).toEqual([]);
});
