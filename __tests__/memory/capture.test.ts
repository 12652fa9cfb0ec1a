import { expect, test } from "vitest";
import { createStep, runMain } from "../world/memory-world/step.ts";
import type { WireRequest } from "../world/memory-world/wire.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { outage } from "./fault.ts";
import { describeEnd } from "./trial.ts";

const awayMs = 40_000;

test.each(["get hostedclusters", "patch hostedclusters", "exec save"])(
  "an API server that is away for longer than a snapshot may take to open costs no backup (from %s on)",
  async (first) => {
    const world: MemoryWorld = new MemoryWorld({
      gracePeriodSeconds: 10,
      weather: outage(
        "cluster",
        awayMs,
        "busy",
        ({ operation }) => operation === first && world.replicas["kube-apiserver"] === 0,
      ),
    });
    expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
    expect(world.watch.longestOutageMs).toBeGreaterThan(awayMs);
  },
);

test("a pod that is not there for a second after the API server was away costs no backup", async () => {
  const isSave = ({ operation }: WireRequest): boolean => operation === "exec save";
  const away = outage("cluster", awayMs, "busy", isSave);
  const late = outage("exec", 1_000, "reset", isSave);
  const world = new MemoryWorld({ gracePeriodSeconds: 10, weather: (request) => away(request) ?? late(request) });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
  expect(world.watch.longestOutageMs).toBeGreaterThan(awayMs + 1_000);
});

test.each([
  ["cut", "reset", "exec-interrupted"],
  ["refused by a node that is down", "busy", "cluster-unreachable"],
] as const)("a pod whose execs are %s is not said to be slow, and is not waited for", async (_what, fate, code) => {
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation }) => (operation === "exec save" ? { fate } : undefined),
  });
  const end = await world.timeline.play(runMain(world, createStep(world)));
  expect(describeEnd(end)).toContain(`red with ${code}`);
  expect(world.watch.longestOutageMs).toBeLessThan(40_000);
});

test("a save that takes minutes tells how far it is", async () => {
  const world = new MemoryWorld({ databaseBytes: 5 * 1024 ** 3, savedAfterMs: 4 * 60_000 });
  const step = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, step)))).toBe("green");
  const told = step.lines.filter((line) => /^saved in etcd-\d .* of 5\.0 GiB, .*\/s, \d+ s left$/.test(line));
  expect(told.length).toBeGreaterThan(8);
});
