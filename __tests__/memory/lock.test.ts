import { expect, test } from "vitest";
import { at } from "../../src/json-path.ts";
import { createStep, runMain } from "../world/memory-world/step.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { describeEnd } from "./trial.ts";

/** Looks every second whether the journal that is there has died, for as long as a run lasts. */
async function countDeadSeconds(world: MemoryWorld): Promise<{ readonly end: string; readonly deadSeconds: number }> {
  const step = createStep(world);
  let deadSeconds = 0;
  const look = (): void => {
    const deadline = at(JSON.parse(world.journal ?? "{}"), "deadline");
    if (typeof deadline === "string" && Date.parse(deadline) <= world.timeline.nowMs()) deadSeconds += 1;
    if (step.machine.alive) world.timeline.after(1000, look);
  };
  look();
  return { end: describeEnd(await world.timeline.play(runMain(world, step))), deadSeconds };
}

test.each([true, false])("the lock outlives a save that lasts longer than a lock (quiesced: %s)", async (quiesce) => {
  const world = new MemoryWorld({ databaseBytes: 5 * 1024 ** 3, request: { quiesce } });
  for (const pod of world.pods.values()) pod.savedAfterMs = 18 * 60_000;
  expect(await countDeadSeconds(world)).toEqual({ end: "green", deadSeconds: 0 });
});

test("the lock outlives a proof that lasts longer than a lock", async () => {
  const world = new MemoryWorld({ snapshotBytes: 80 * 1024 });
  world.bucket.readMsPerPiece = 60_000;
  expect(await countDeadSeconds(world)).toEqual({ end: "green", deadSeconds: 0 });
});

test("the pause outlives writers that take nearly all of their grace period to end", async () => {
  const world = new MemoryWorld({ switches: { drainMs: 134_000 } });
  expect(await countDeadSeconds(world)).toEqual({ end: "green", deadSeconds: 0 });
});

test("a pause that is short because the writers end fast is renewed before it is too short for the capture", async () => {
  const world = new MemoryWorld({ gracePeriodSeconds: 5, switches: { drainMs: 24_000 } });
  expect(await countDeadSeconds(world)).toEqual({ end: "green", deadSeconds: 0 });
});

test("a pause that took nearly all of its time to be confirmed stops nothing", async () => {
  const world = new MemoryWorld({ gracePeriodSeconds: 5, switches: { copyDelayMs: 50_000 } });
  const { end } = await countDeadSeconds(world);
  // Each renewal is another pause, which takes as long.
  expect(end).toMatch(/^red with pause-not-confirmed/);
  expect(world.watch.longestOutageMs).toBe(0);
});

test("a preflight that took long leaves no pause that ends after max-pause", async () => {
  const maxPauseMs = 4 * 60_000;
  const world = new MemoryWorld({
    request: { maxPauseMs },
    gracePeriodSeconds: 150,
    latencyMs: ({ service }) => (service === "exec" ? 40_000 : 4),
  });
  const step = createStep(world);
  const beyondMs: number[] = [];
  const look = (): void => {
    const acquired = at(JSON.parse(world.journal ?? "{}"), "acquired");
    if (world.pausedUntil !== undefined)
      beyondMs.push(Date.parse(world.pausedUntil) - Date.parse(String(acquired)) - maxPauseMs);
    if (step.machine.alive) world.timeline.after(1000, look);
  };
  look();
  await world.timeline.play(runMain(world, step));
  expect(Math.max(...beyondMs)).toBe(0);
});
