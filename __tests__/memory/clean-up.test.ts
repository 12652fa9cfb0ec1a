import { expect, test } from "vitest";
import { noTrouble } from "../world/memory-world/etcd-pod.ts";
import { createStep, runMain, runPost, type Step } from "../world/memory-world/step.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import type { Fate, Service, Verdict, WireRequest } from "../world/memory-world/wire.ts";
import { outage } from "./fault.ts";
import { dieInCapture, setScene } from "./matrix/outcome.ts";
import { findLeft, lookBefore } from "./oracle.ts";
import { describeEnd } from "./trial.ts";

const nothingBefore = { replicas: {}, pausedUntil: undefined, keys: [] };

/** A world in which something becomes of the first request whose operation is `operation`. */
function worldWith(operation: string, befall: (request: WireRequest) => Verdict): MemoryWorld {
  let struck = false;
  return new MemoryWorld({
    weather: (request) => {
      if (struck || request.operation !== operation) return undefined;
      struck = true;
      return befall(request);
    },
  });
}

function run(world: MemoryWorld, step: Step): Promise<Awaited<ReturnType<typeof runMain>>> {
  return world.timeline.play(runMain(world, step));
}

test("a file in the pod is removed although the first try is cut", async () => {
  const world = worldWith("exec remove", () => ({ fate: "reset" }));
  expect(describeEnd(await run(world, createStep(world)))).toBe("green");
  expect(findLeft(world, nothingBefore)).toEqual([]);
});

test.each([
  ["of the trial in preflight", 1],
  ["of the snapshot", 2],
])("an upload %s whose start was not answered is aborted", async (_, which) => {
  let seen = 0;
  const world = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation === "create upload") seen += 1;
      return operation === "create upload" && seen === which ? { fate: "lost" } : undefined;
    },
  });
  expect(describeEnd(await run(world, createStep(world)))).toBe("green");
  expect(findLeft(world, nothingBefore)).toEqual([]);
});

test("the trial upload of preflight is aborted when the run is cancelled at that moment", async () => {
  const world = worldWith("create upload", ({ machine }) => ({
    fate: "answered",
    onEffect: () => {
      machine.cancel();
    },
  }));
  expect(describeEnd(await run(world, createStep(world)))).toMatch(/^red with cancelled/);
  expect(findLeft(world, nothingBefore)).toEqual([]);
});

test("an object without a record is deleted when the store was away for longer than main could wait", async () => {
  const awayMs = 90_000;
  const world = new MemoryWorld({
    weather: outage("store", awayMs, "reset", ({ operation }) => operation === "get object"),
  });
  const step = createStep(world);
  expect(describeEnd(await run(world, step))).toMatch(/^red with store-unreachable/);
  await world.timeline.play(runPost(world, step));
  expect(findLeft(world, nothingBefore)).toEqual([]);
});

test("a snapshot that was recorded stays, though the store does not show its record when the run fails later", async () => {
  const world = new MemoryWorld({
    request: { presign: true },
    weather: ({ operation }) => {
      if (operation !== "get url") return undefined;
      hideRecords(world);
      return { fate: "refused" };
    },
  });
  const step = createStep(world);
  expect(describeEnd(await run(world, step))).toMatch(/^red with /);
  expect(step.report.recordUri).toBeDefined();
  await world.timeline.play(runPost(world, step));
  expect(world.bucket.keys.filter((key) => key.endsWith(".db"))).toHaveLength(1);
  expect(step.report.leftInStore ?? []).toEqual([]);
});

/** As behind a balancer whose other half has not got them yet. */
function hideRecords({ bucket }: MemoryWorld): void {
  const find = bucket.find.bind(bucket);
  bucket.find = (key) => (key.endsWith(".json") ? undefined : find(key));
}

test.each<[Service, Fate]>([
  ["store", "silent"],
  ["store", "reset"],
  ["cluster", "silent"],
])("post ends in its time, and takes the journal away, when the %s is gone (%s)", async (service, fate) => {
  let post = false;
  const world = new MemoryWorld({
    weather: (request) => (post && request.service === service ? { fate } : undefined),
  });
  const before = lookBefore(world);
  const step = createStep(world);
  world.timeline.after(1500, () => {
    step.machine.kill();
  });
  await run(world, step);
  post = true;
  const startedMs = world.timeline.nowMs();
  const end = await world.timeline.play(runPost(world, step));
  expect(world.timeline.nowMs() - startedMs).toBeLessThan(250_000);
  if (service === "store") {
    expect(describeEnd(end)).toBe("green");
    expect(findLeft(world, before)).toEqual([]);
  } else expect(describeEnd(end)).toMatch(/^red with release-failed/);
});

test("post looks at the API servers also when putting back and removing took all of its time", async () => {
  const scene = await setScene();
  await dieInCapture(scene);
  const { world, step } = scene;
  world.weather = outage("cluster", 115_000, "reset", () => true);
  for (const pod of world.pods.values()) pod.trouble = { ...noTrouble, nodeAway: true };
  expect(describeEnd(await world.timeline.play(runPost(world, step)))).toBe("green");
  expect(step.lines).toContain("the API servers are back");
});

test("what cannot be removed in time is not called cancelled in a run that nobody cancelled", async () => {
  const world = new MemoryWorld({
    weather: ({ operation }) => (operation === "exec remove" ? { fate: "silent" } : undefined),
  });
  const step = createStep(world);
  expect(describeEnd(await run(world, step))).toBe("green");
  expect(step.lines.filter((line) => line.includes("could not be removed"))).toEqual([
    expect.stringContaining("exec-interrupted"),
  ]);
});
