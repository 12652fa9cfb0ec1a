import { expect, test } from "vitest";
import { limits } from "../../../src/time-limits.ts";
import { createRecoverStep, runRecover } from "../../world/memory-world/recover-step.ts";
import { createStep, runMain, runPost, type StageEnd, type Step } from "../../world/memory-world/step.ts";
import type { WireRequest } from "../../world/memory-world/wire.ts";
import { MemoryWorld, writers, type MemoryWorldOptions } from "../../world/memory-world/world.ts";
import { findDown, findUntruths, findWrong, lookBefore } from "../oracle.ts";
import { describeEnd } from "../trial.ts";

const minuteMs = 60_000;

interface Course {
  readonly world: MemoryWorld;
  readonly step: Step;
  readonly end: StageEnd;
  readonly problems: readonly string[];
}

/** Notes each API server that is scaled to 0 although the pause is over by some clock of the management cluster. */
function watchOrders(world: MemoryWorld, aheadMs: () => number): string[] {
  const late: string[] = [];
  let wanted = world.replicas;
  world.objects.onChange((resource) => {
    if (resource !== "deployments") return;
    const before = wanted;
    wanted = world.replicas;
    const stopped = writers.filter((writer) => before[writer] !== 0 && wanted[writer] === 0);
    const deadlineMs = Date.parse(world.pausedUntil ?? "");
    if (stopped.length > 0 && !(world.timeline.nowMs() + aheadMs() < deadlineMs))
      late.push(`${stopped.join(", ")} was stopped, and the pause was until ${String(world.pausedUntil)}`);
  });
  return late;
}

/** A backup and its post step; `befall` happens when request number `nth` is sent. Undefined where there is none. */
async function play(
  nth: number,
  befall: (request: WireRequest, world: MemoryWorld) => void,
  options: MemoryWorldOptions = {},
): Promise<Course | undefined> {
  let seen = 0;
  const world: MemoryWorld = new MemoryWorld({
    ...options,
    weather: (request) => {
      if (request.machine === step.machine && request.service !== "state" && ++seen === nth) befall(request, world);
      return undefined;
    },
  });
  await world.timeline.pass(1000);
  const before = lookBefore(world);
  const late = watchOrders(world, () => 0);
  const step = createStep(world);
  const end = await world.timeline.play(runMain(world, step));
  if (seen < nth) return undefined;
  const problems = [...late, ...findUntruths(world, step, end)];
  await world.timeline.play(runPost(world, step));
  problems.push(...findDown(world, before), ...findWrong(world, before, step.lines));
  return { world, step, end, problems };
}

/** Plays a backup for each of its requests. */
async function playEach(
  befall: (request: WireRequest, world: MemoryWorld) => void,
  check: (course: Course) => readonly string[],
  { each = 1, ...options }: MemoryWorldOptions & { readonly each?: number } = {},
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (let nth = 1; ; nth += each) {
    const course = await play(nth, befall, options);
    if (course === undefined) {
      expect(nth).toBeGreaterThan(60);
      return problems;
    }
    const found = [...course.problems, ...check(course)];
    problems.push(...found.map((problem) => `at request ${String(nth)}: ${problem}`));
  }
}

test.each([
  ["writers that end fast", {}],
  ["writers that end slowly", { switches: { drainMs: 5_000 }, each: 11 }],
])(
  "a runner that is suspended for an hour at any request stops nothing after its deadline (%s)",
  async (_, options) => {
    const suspended = await playEach(
      ({ machine }) => {
        machine.suspend(60 * minuteMs);
      },
      ({ end }) => (end.kind === "green" || end.kind === "red" ? [] : [describeEnd(end)]),
      options,
    );
    expect(suspended).toEqual([]);
  },
);

test("a hold that ended while the runner was suspended is said to have ended by time", async () => {
  const course = await play(
    1,
    ({ machine }, world) => {
      const look = (): void => {
        if (world.replicas["kube-apiserver"] === 0) machine.suspend(60 * minuteMs);
        else world.timeline.after(50, look);
      };
      look();
    },
    { switches: { drainMs: 20_000 } },
  );
  expect(course?.problems).toEqual([]);
  expect(course && describeEnd(course.end)).toMatch(/^red with hold-lost: .* was lost: its deadline .* passed/);
});

test.each([minuteMs, -minuteMs])(
  "a runner whose time is set by %d ms at any request makes its backup, and no longer outage",
  async (stepMs) => {
    const untouched = await play(1, () => undefined);
    const longestMs = untouched?.world.watch.longestOutageMs ?? 0;
    const stepped = await playEach(
      ({ machine }) => {
        machine.step(stepMs);
      },
      ({ end, world }) => [
        ...(end.kind === "green" ? [] : [describeEnd(end)]),
        ...(world.watch.longestOutageMs <= longestMs + 1000
          ? []
          : [`away for ${String(world.watch.longestOutageMs)} ms`]),
      ],
    );
    expect(stepped).toEqual([]);
  },
);

test.each([5 * minuteMs, -5 * minuteMs])(
  "API servers whose clocks differ by %d ms end a backup, and stop nothing after the earlier of their deadlines",
  async (skewMs) => {
    for (let turn = 2; turn <= 6; turn += 1) {
      const world = new MemoryWorld({ switches: { drainMs: 5_000 } });
      let answers = 0;
      let aheadMs = 0;
      // Every so many answers that tell the time are another server's; a run knows those that it was given.
      world.serverSkewMs = () => {
        answers += 1;
        const ms = answers % turn === 0 ? skewMs : 0;
        if (world.journal !== undefined) aheadMs = Math.max(aheadMs, ms);
        return ms;
      };
      const before = lookBefore(world);
      const late = watchOrders(world, () => aheadMs);
      const step = createStep(world);
      const end = await world.timeline.play(runMain(world, step));
      expect({ turn, late, down: findDown(world, before) }).toEqual({ turn, late: [], down: [] });
      if (end.kind === "green") throw new Error(`green, although each answer number ${String(turn)} has another time`);
      expect(describeEnd(end)).toMatch(/\d\d:\d\d:\d\dZ.*\d\d:\d\d:\d\dZ/);
    }
  },
);

test("a store that is silent for longer than a lock lasts does not cost the lock", async () => {
  let silentUntilMs = Infinity;
  let recovered: Promise<StageEnd> | undefined;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation, machine }) => {
      if (machine !== step.machine || operation !== "get object") return undefined;
      if (silentUntilMs === Infinity) {
        silentUntilMs = world.timeline.nowMs() + 16.2 * minuteMs;
        world.timeline.after(16 * minuteMs, () => {
          recovered = runRecover(world, createRecoverStep(world));
        });
      }
      return world.timeline.nowMs() < silentUntilMs ? { fate: "silent" } : undefined;
    },
  });
  const step = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, step)))).toBe("green");
  expect(await recovered).toMatchObject({ kind: "green" });
  expect(limits.lockMs).toBeLessThan(16 * minuteMs);
});

test("an order to stop that arrives a minute late stops nothing", async () => {
  let isFirst = true;
  const world = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation !== "patch deployments/scale" || !isFirst) return undefined;
      isFirst = false;
      return { fate: "late" };
    },
  });
  const late = watchOrders(world, () => 0);
  const step = createStep(world);
  const end = describeEnd(await world.timeline.play(runMain(world, step)));
  await world.timeline.pass(2 * minuteMs);
  expect({ end, late, replicas: world.replicas["kube-apiserver"] }).toEqual({ end: "green", late: [], replicas: 3 });
});
