import { expect, test } from "vitest";
import { createStep, runMain } from "../fakes/memory-world/step.ts";
import { MemoryWorld } from "../fakes/memory-world/world.ts";
import { describeEnd } from "./trial.ts";

test("an API server that is away for 30 s during the transfer costs no backup", async () => {
  let backMs = Infinity;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ service, operation, machine }) => {
      const nowMs = machine.clock.nowMs();
      if (operation === "exec part" && backMs === Infinity) backMs = nowMs + 30_000;
      return service !== "store" && backMs !== Infinity && nowMs < backMs ? { fate: "busy" } : undefined;
    },
  });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
});

test("a part that is cut, finds no API server, and is cut again by its return is read in the end", async () => {
  let backMs = Infinity;
  let isCutAgain = false;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ service, operation, machine }) => {
      const nowMs = machine.clock.nowMs();
      if (operation === "exec part" && backMs === Infinity) {
        backMs = nowMs + 30_000;
        return { fate: "reset" };
      }
      if (service === "store" || backMs === Infinity) return undefined;
      if (nowMs < backMs) return { fate: "busy" };
      if (operation !== "exec part" || isCutAgain) return undefined;
      isCutAgain = true;
      return { fate: "reset" };
    },
  });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
  expect(isCutAgain).toBe(true);
});
