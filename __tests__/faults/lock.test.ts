import { expect, test } from "vitest";
import { at } from "../../src/hypershift/json-path.ts";
import { createStep, runMain } from "../fakes/memory-world/step.ts";
import { MemoryWorld } from "../fakes/memory-world/world.ts";
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
