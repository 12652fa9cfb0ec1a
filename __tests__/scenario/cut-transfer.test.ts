import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { scriptOf } from "./requests.ts";
import { startScenario } from "./scenario.ts";

const mebibyte = 1024 ** 2;

const isRead = (argv: readonly string[]): boolean => argv.some((argument) => argument.includes("dd if="));

test("A read whose connection is cut is done again, and the one that blocks in the pod is ended", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 12 * mebibyte } } });
  world.cluster.addExecFault({ match: { argv: isRead }, fault: { kind: "cut", atBytes: 100_000 } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A read that is killed, as by the end of its container, is done again", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 12 * mebibyte } } });
  world.cluster.addExecFault({ match: { argv: isRead }, fault: { kind: "kill", atBytes: 100_000 } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(result.log).toContain("it was killed by signal 9");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("Nothing runs in the pod any more a minute after a runner is gone whose reads were cut twenty times", async () => {
  const world = await startScenario({
    cluster: { fill: { sizeBytes: 12 * mebibyte } },
    limits: { execTries: 30, retryDelayMs: 10 },
  });
  world.cluster.addExecFault({ match: { argv: isRead }, fault: { kind: "cut", atBytes: 100_000 }, times: 20 });
  // The store takes nothing, so that the last reads block on their full pipes.
  world.store.faults.add({ on: "UploadPart", times: "always", action: { kind: "hang", when: "before" } });
  const step = await world.start(world.backupInputs());
  const reads = (): number => world.cluster.requests.filter(({ argv = [] }) => scriptOf(argv) === "part").length;
  await expect.poll(reads, { timeout: 60_000 }).toBeGreaterThan(20);
  const container = world.cluster.container();
  await expect.poll(() => container.findProcesses().length, { timeout: 10_000 }).toBeGreaterThan(0);
  step.killRunner();
  await step.result;
  await expect.poll(() => container.findProcesses(), { timeout: 60_000 }).toEqual([]);
});
