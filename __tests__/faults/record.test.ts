import { expect, test } from "vitest";
import { createStep, runMain } from "../fakes/memory-world/step.ts";
import { MemoryWorld } from "../fakes/memory-world/world.ts";
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
