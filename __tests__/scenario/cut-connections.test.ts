import { expect, onTestFinished, test } from "vitest";
import type { ExecFaultKind } from "../world/management-cluster/faults.ts";
import { findUnsettled } from "../world/settled.ts";
import type { World } from "../world/world.ts";
import { countsIn, restoreStored } from "./restored.ts";
import { scriptOf } from "./requests.ts";
import { startScenario, type ScenarioOptions } from "./scenario.ts";

/** A save of two seconds. */
const slowSave: ScenarioOptions = {
  cluster: { fill: { sizeBytes: 2 * 1024 ** 2 }, switches: { saveBytesPerSecond: 1024 ** 2 } },
};

/** All that a backup must know of the pod, but for the parts, whose length is known. */
const scripts = ["inspect", "save", "result", "remove"];

/** A backup that is one, with all that the writers wrote last and nothing later. */
async function expectBackup(world: World): Promise<void> {
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
  const last = Object.entries(world.cluster.lastWrites).map(([writer, [write]]) => [writer, write?.count]);
  expect(last).toHaveLength(3);
  expect(await countsIn(await restoreStored(world, result))).toEqual(Object.fromEntries(last));
}

test.each([0, 0.01])("An exec that is cut when %d of the save is there loses nothing", async (atSaveFraction) => {
  const world = await startScenario(slowSave);
  world.cluster.addExecFault({
    match: { argv: (argv) => scriptOf(argv) === "save" },
    fault: { kind: "cut", atSaveFraction },
  });
  await expectBackup(world);
});

test("All connections that are cut when half of the save is there lose nothing", async () => {
  const world = await startScenario(slowSave);
  const container = world.cluster.container();
  let cutAtBytes: number | undefined;
  const watch = setInterval(() => {
    const bytes = container.newestSnapshotBytes();
    if (cutAtBytes !== undefined || bytes < container.databaseBytes() / 2) return;
    cutAtBytes = bytes;
    world.cluster.cutConnections();
  }, 2);
  onTestFinished(() => {
    clearInterval(watch);
  });
  await expectBackup(world);
  expect(cutAtBytes).toBeLessThan(container.databaseBytes());
});

const partFaults: readonly (readonly [string, ExecFaultKind])[] = [
  ["is cut", { kind: "cut", atBytes: 10_000 }],
  ["has a gap", { kind: "gap", atByte: 10_000, bytes: 100 }],
  ["has bytes twice", { kind: "echo", atByte: 10_000, bytes: 1 }],
  ["is killed", { kind: "kill", atBytes: 10_000 }],
  ["falls silent", { kind: "stall", atBytes: 10_000 }],
  ["never hears which part to send", { kind: "lose-input", nth: 1 }],
];

test("A part of the transfer whose stream fails in each of the known ways is read again", async () => {
  const world = await startScenario({
    limits: { execStallMs: 5_000, execPingMs: 500, retryDelayMs: 10, execTries: 30, partSilenceMs: 3_000 },
  });
  for (const [index, [, fault]] of partFaults.entries())
    world.cluster.addExecFault({ match: { argv: (argv) => scriptOf(argv) === "part" }, fault, nth: index + 1 });
  await expectBackup(world);
  const parts = world.cluster.requests.filter(({ argv }) => scriptOf(argv) === "part");
  expect(parts.length).toBeGreaterThan(partFaults.length);
});

test("A command whose output is lost, and which the API server calls ended well, is asked again: a kubelet was restarted", async () => {
  const world = await startScenario();
  const asked = (script: string): number =>
    world.cluster.requests.filter(({ argv }) => scriptOf(argv) === script).length;
  for (const script of scripts)
    world.cluster.addExecFault({
      match: { argv: (argv) => scriptOf(argv) === script },
      fault: { kind: "short", missingBytes: Infinity },
    });
  await expectBackup(world);
  for (const script of scripts)
    expect([script, asked(script)]).toEqual([script, expect.toSatisfy((n: number) => n > 1)]);
});
