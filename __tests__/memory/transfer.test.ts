import { expect, test } from "vitest";
import { noTrouble, type PodTrouble } from "../world/memory-world/etcd-pod.ts";
import { createStep, runMain } from "../world/memory-world/step.ts";
import type { WireRequest } from "../world/memory-world/wire.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { outage } from "./fault.ts";
import { replacePods } from "./matrix/phase.ts";
import { describeEnd } from "./trial.ts";

const isPart = ({ operation }: WireRequest): boolean => operation === "exec part";

test("a last part that comes short is noticed when its end is there, not after a minute of silence", async () => {
  const [whole, short] = [await backUpWithPart({}), await backUpWithPart({ cutShort: true })];
  expect([whole.end, short.end]).toEqual(["green", "green"]);
  expect(short.tookMs - whole.tookMs).toBeLessThan(10_000);
});

/** A backup of one part, whose pod is in trouble when it is asked for; `tookMs` until main ended. */
async function backUpWithPart(trouble: Partial<PodTrouble>): Promise<{ end: string; tookMs: number }> {
  let isAsked = false;
  const world: MemoryWorld = new MemoryWorld({
    weather: (request) => {
      if (!isPart(request) || isAsked) return undefined;
      isAsked = true;
      for (const pod of world.pods.values()) pod.trouble = { ...noTrouble, ...trouble };
      return undefined;
    },
  });
  const startedMs = world.timeline.nowMs();
  const end = describeEnd(await world.timeline.play(runMain(world, createStep(world))));
  return { end, tookMs: world.timeline.nowMs() - startedMs };
}

test("an API server that is away for 30 s during the transfer costs no backup", async () => {
  const world = new MemoryWorld({
    weather: outage("cluster", 30_000, "busy", isPart),
  });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
});

test("a part that is cut, finds no API server, and is cut again by its return is read in the end", async () => {
  const away = outage("cluster", 30_000, "busy", isPart);
  let cuts = 0;
  const world = new MemoryWorld({
    weather: (request) => {
      const befalls = away(request);
      // The first of all, and the first that finds an API server again.
      const isCut = isPart(request) && (befalls !== undefined ? cuts === 0 : cuts === 1);
      if (isCut) cuts += 1;
      return isCut ? { fate: "reset" } : befalls;
    },
  });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
  expect(cuts).toBe(2);
});

test("a node that is down for 100 s during the transfer costs no backup", async () => {
  const world = new MemoryWorld({ weather: outage("exec", 100_000, "busy", isPart) });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
});

test("an etcd pod that is drained to another node during the transfer costs no backup", async () => {
  const { end, tookMs } = await drainPod(100_000);
  expect(end).toBe("green");
  expect(tookMs).toBeGreaterThan(100_000);
});

test("an etcd pod that stays away during the transfer is given up after two minutes", async () => {
  const { end, tookMs, said } = await drainPod(Infinity);
  expect(end).toMatch(/^red with exec-failed: /);
  expect(said).toMatch(/the API servers are back[^]*failed with exec-failed/);
  expect(tookMs).toBeGreaterThan(120_000);
  expect(tookMs).toBeLessThan(150_000);
});

/** A backup whose etcd pods are away for so long from the first part that is asked for; its time counts from there. */
async function drainPod(awayMs: number): Promise<{ end: string; tookMs: number; said: string }> {
  let drainedMs = 0;
  let endedMs = 0;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation, machine }) => {
      if (operation === "exec remove" && endedMs === 0) endedMs = machine.clock.nowMs();
      if (operation !== "exec part" || drainedMs > 0) return undefined;
      drainedMs = machine.clock.nowMs();
      replacePods(world, awayMs);
      return undefined;
    },
  });
  const step = createStep(world);
  const end = describeEnd(await world.timeline.play(runMain(world, step)));
  return { end, tookMs: endedMs - drainedMs, said: step.lines.join("\n") };
}
