import { expect, test } from "vitest";
import { at } from "../../src/json-path.ts";
import { journalAnnotation } from "../../src/hold/journal.ts";
import { createStep, runMain, runPost } from "../world/memory-world/step.ts";
import type { Weather } from "../world/memory-world/wire.ts";
import { controlPlane, MemoryWorld, type MemoryWorldOptions } from "../world/memory-world/world.ts";
import { dieInCapture, setScene } from "./matrix/outcome.ts";
import { describeEnd } from "./trial.ts";

/** A world in which something is done at the first request with `operation`. */
function worldWith(
  operation: string,
  what: (world: MemoryWorld) => void,
  options: MemoryWorldOptions = {},
): MemoryWorld {
  let isDone = false;
  const world: MemoryWorld = new MemoryWorld({
    ...options,
    weather: (request) => {
      if (!isDone && request.operation === operation) {
        isDone = true;
        what(world);
      }
      return options.weather?.(request);
    },
  });
  return world;
}

async function backUp(world: MemoryWorld): Promise<string> {
  return describeEnd(await world.timeline.play(runMain(world, createStep(world))));
}

test("nothing is stopped while the operator that starts API servers takes no notice of the pause", async () => {
  const world = new MemoryWorld({ switches: { controlPlaneOperator: "dead" } });
  expect(await backUp(world)).toMatch(/^red with pause-not-confirmed/);
  expect(world.watch.longestOutageMs).toBe(0);
});

/** Writers that end so slowly that the pause is renewed meanwhile, and an operator that is down from then on. */
function worldWithDeadOperator(weather: Weather = () => undefined): MemoryWorld {
  const die = (world: MemoryWorld): void => {
    world.set({ controlPlaneOperator: "dead" });
  };
  return worldWith("patch deployments/scale", die, { switches: { drainMs: 134_000 }, weather });
}

test("a renewed pause that is not confirmed does not say that nothing was stopped", async () => {
  const world = worldWithDeadOperator();
  const step = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, step)))).toMatch(/^red with pause-not-confirmed/);
  expect(step.lines.join("\n")).toContain("the API servers are put back");
  expect(step.lines.join("\n")).not.toContain("nothing was stopped");
});

test("a renewed pause whose confirmation could not be asked for is confirmed before the capture", async () => {
  let gates = 0;
  let backMs: number | undefined;
  const world = worldWithDeadOperator(({ operation, machine }) => {
    if (operation !== "get hostedcontrolplanes" || ++gates <= 10) return undefined;
    backMs ??= machine.clock.nowMs() + 80_000;
    return machine.clock.nowMs() < backMs ? { fate: "reset" } : undefined;
  });
  expect(await backUp(world)).toMatch(/^red with pause-not-confirmed/);
});

test("the time of the pause is the API server's, however long the patch took that set it", async () => {
  let gateMs = 0;
  const world: MemoryWorld = new MemoryWorld({
    latencyMs: ({ operation }) => (operation === "patch hostedclusters" ? 20_000 : 4),
    weather: ({ operation }) => {
      if (operation === "get hostedcontrolplanes") gateMs = world.timeline.nowMs();
      return operation === "patch deployments/scale" ? { fate: "refused" } : undefined;
    },
  });
  const step = createStep(world);
  await world.timeline.play(runMain(world, step));
  expect(gateMs - Date.parse(step.report.pausedAt ?? "")).toBeLessThan(2_000);
});

test("a pause that is renewed again and again ends with max-pause", async () => {
  const maxPauseMs = 4 * 60_000;
  const world = new MemoryWorld({ request: { maxPauseMs }, gracePeriodSeconds: 150, switches: { drainMs: 179_000 } });
  const step = createStep(world);
  const lastsMs: number[] = [];
  const look = (): void => {
    const acquired = at(JSON.parse(world.journal ?? "{}"), "acquired");
    if (world.pausedUntil !== undefined) lastsMs.push(Date.parse(world.pausedUntil) - Date.parse(String(acquired)));
    if (step.machine.alive) world.timeline.after(1000, look);
  };
  look();
  await world.timeline.play(runMain(world, step));
  expect(Math.max(...lastsMs)).toBe(maxPauseMs);
});

test.each(["exec save", "exec part"])(
  "a backup whose journal somebody took away is given up (at %s)",
  async (operation) => {
    const world = worldWith(operation, (it) => {
      it.patchHostedCluster({ metadata: { annotations: { [journalAnnotation]: null } } });
    });
    expect(await backUp(world)).toMatch(/^red with hold-lost/);
    expect(world.bucket.keys).toEqual([]);
  },
);

test("a writer that somebody changed while the snapshot was opened makes it none of stopped writers", async () => {
  const world = worldWith("exec save", ({ objects }) => {
    const metadata = { annotations: { touched: "true" } };
    objects.patch("deployments", controlPlane, "kube-apiserver", { metadata });
  });
  expect(await backUp(world)).toMatch(/^red with hold-lost/);
});

test("a writer that comes back whatever is done is not stopped for ever", async () => {
  const world = new MemoryWorld({ switches: { rescalesWhilePaused: "always" } });
  let comebacks = 0;
  let wasStopped = false;
  world.objects.onChange((resource) => {
    if (resource !== "deployments") return;
    const isStopped = world.replicas["kube-apiserver"] === 0;
    if (wasStopped && !isStopped) comebacks += 1;
    wasStopped = isStopped;
  });
  expect(await backUp(world)).toMatch(/^red with writers-not-stopped/);
  expect(comebacks).toBeLessThan(6);
});

test("replicas that somebody raised above the original stay", async () => {
  const scene = await setScene();
  const { world, step } = scene;
  await dieInCapture(scene);
  // HyperShift has a number of its own.
  world.set({ controlPlaneOperator: "dead" });
  world.scale("kube-apiserver", 5);
  await world.timeline.play(runPost(world, step));
  expect(world.replicas).toEqual({ "kube-apiserver": 5, "openshift-apiserver": 3, "openshift-oauth-apiserver": 3 });
});

test("a part that came short is read again, although its command ended well", async () => {
  const world = worldWith("exec part", ({ pods }) => {
    for (const pod of pods.values()) pod.trouble = { ...pod.trouble, cutShort: true };
  });
  expect(await backUp(world)).toBe("green");
});

test("a snapshot of another revision than the member had is none", async () => {
  const world = worldWith("exec result", ({ pods }) => {
    for (const pod of pods.values()) pod.trouble = { ...pod.trouble, behind: true };
  });
  expect(await backUp(world)).toMatch(/^red with snapshot-invalid/);
});
