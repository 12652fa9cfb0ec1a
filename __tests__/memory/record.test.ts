import { expect, test } from "vitest";
import { completedRuns, createRecoverStep, runRecover } from "../world/memory-world/recover-step.ts";
import { createStep, runMain, type StageEnd } from "../world/memory-world/step.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { findLeft } from "./oracle.ts";
import { describeEnd } from "./trial.ts";

const nothingBefore = { replicas: {}, pausedUntil: undefined, keys: [] };

test.each(["put object", "get object"])(
  "a record is written although a black hole takes the first %s",
  async (lost) => {
    let seen = 0;
    const world = new MemoryWorld({
      weather: ({ operation }) => {
        if (operation !== lost) return undefined;
        seen += 1;
        // The first object that is read is the snapshot.
        return seen === (lost === "get object" ? 2 : 1) ? { fate: "silent" } : undefined;
      },
    });
    expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
    expect(findLeft(world, nothingBefore)).toEqual([]);
  },
);

test("a store that is gone before the record is named as such, not as a cancelled run", async () => {
  const world = new MemoryWorld({
    weather: ({ operation, service }) =>
      service === "store" && operation === "put object" ? { fate: "silent" } : undefined,
  });
  const end = await world.timeline.play(runMain(world, createStep(world)));
  expect(describeEnd(end)).toMatch(/^red with store-unreachable/);
  expect(world.bucket.keys).toEqual([]);
});

test.each([1, 2, 3])(
  "no record says that a snapshot exists which a recovery removed meanwhile (%d s before)",
  async (secondsBefore) => {
    let recovered: Promise<StageEnd> | undefined;
    const world: MemoryWorld = new MemoryWorld({
      // The store is so slow that a recovery, which takes the run for a completed one, comes in between.
      latencyMs: ({ operation, machine }) => (operation === "put object" && machine === step.machine ? 8_000 : 20),
      weather: ({ operation, machine }) => {
        if (operation === "put object" && machine === step.machine)
          world.timeline.after((4 - secondsBefore) * 1000, () => {
            recovered ??= runRecover(world, createRecoverStep(world, completedRuns));
          });
        return undefined;
      },
    });
    const step = createStep(world);
    expect(describeEnd(await world.timeline.play(runMain(world, step)))).toMatch(/^red with hold-lost/);
    expect(await recovered).toMatchObject({ kind: "green" });
    expect(world.bucket.keys).toEqual([]);
  },
);
