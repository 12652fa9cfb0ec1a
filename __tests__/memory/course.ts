import { stringAt } from "../../src/json-path.ts";
import type { Machine } from "../world/memory-world/machine.ts";
import { completedRuns, createRecoverStep, runRecover } from "../world/memory-world/recover-step.ts";
import { createDrillStep, drillNamespace, runDrill, runDrillPost } from "../world/memory-world/drill-step.ts";
import { createStep, runMain, runPost, type StageEnd } from "../world/memory-world/step.ts";
import type { WireRequest } from "../world/memory-world/wire.ts";
import { MemoryWorld, type MemoryWorldOptions } from "../world/memory-world/world.ts";
import { ageRecipient } from "../world/sealing.ts";
import { findDrillUntruths, findFalseWords, findUntruths, lookBefore, type Before } from "./oracle.ts";

/** A run under test. */
export interface CourseRun {
  readonly machine: Machine;
  main(): Promise<StageEnd>;
  /** Absent for a run without a post step. */
  post?(): Promise<StageEnd>;
  /** Everything that it said so far. */
  said(): readonly string[];
  /** True from the moment on at which its post step knows what to put back. */
  isKnown(): boolean;
  /** True where others had left something before it began. */
  readonly findsLeftovers: boolean;
  findUntruths(end: StageEnd): string[];
}

/** A way for a run to go, at each of whose requests something can happen. */
export interface Course {
  readonly name: string;
  readonly options: MemoryWorldOptions;
  /** Brings the world to where the run begins. */
  prepare(world: MemoryWorld): Promise<void>;
  start(world: MemoryWorld): CourseRun;
  /** Those of the requests of a run without faults that are to be struck. */
  choose(requests: readonly WireRequest[]): readonly WireRequest[];
  /**
   * What takes away, after all deadlines, whatever is left; absent: a recovery, or the next backup. Adds to `problems`, and returns
   * what it said.
   */
  readonly next?: (world: MemoryWorld, before: Before, problems: string[]) => Promise<readonly string[]>;
}

function backup(name: string, options: MemoryWorldOptions, changes: Partial<Course> = {}): Course {
  return {
    name,
    options,
    prepare: () => Promise.resolve(),
    choose: (requests) => requests,
    ...changes,
    start: (world) => {
      const step = createStep(world);
      return {
        machine: step.machine,
        main: () => runMain(world, step),
        post: () => runPost(world, step),
        said: () => [...step.lines, ...step.state.values()],
        isKnown: () => step.state.has("hold"),
        findsLeftovers: changes.prepare !== undefined,
        findUntruths: (end) => findUntruths(world, step, end),
      };
    },
  };
}

/** The requests around each of those with `operation` from number `from` on (counted from 0). */
function around(requests: readonly WireRequest[], operation: string, from: number): readonly WireRequest[] {
  const found = requests.filter((request) => request.operation === operation).slice(from);
  return requests.filter(({ number }) => found.some((one) => number >= one.number - 2 && number <= one.number + 4));
}

/** Leaves the world as a run does whose runner is gone at its first request with `operation`. */
async function dieAt(world: MemoryWorld, operation: string): Promise<void> {
  const step = createStep(world);
  world.weather = (request) => {
    if (request.operation === operation) step.machine.kill();
    return undefined;
  };
  await world.timeline.play(runMain(world, step));
  world.weather = () => undefined;
}

/** A drill changes its own pod, and nothing else of the cluster. */
const drill: Course = {
  name: "drill",
  options: {},
  prepare: async (world) => {
    await world.timeline.play(runMain(world, createStep(world, { quiesce: false, presign: false })));
    world.objects.onChange((resource, object) => {
      const namespace = stringAt(object, "metadata", "namespace");
      if (namespace !== drillNamespace)
        world.watch.problems.push(`a drill changed ${resource} in ${String(namespace)}`);
    });
  },
  // From its look for another one's pod on; what it asks again and again, once.
  choose: (requests) =>
    requests
      .slice(requests.findIndex(({ operation }) => operation === "get pods"))
      .filter(({ operation }, index, chosen) => operation !== chosen[index - 1]?.operation),
  start: (world) => {
    const step = createDrillStep(world);
    return {
      machine: step.machine,
      main: () => runDrill(world, step),
      post: () => runDrillPost(world, step),
      said: () => [...step.lines, ...step.state.values()],
      isKnown: () => step.state.has("made"),
      findsLeftovers: false,
      findUntruths: (end) => findDrillUntruths(world, step, end),
    };
  },
  next: async (world, _, problems) => {
    for (const pod of world.objects.list("pods", drillNamespace))
      if (stringAt(pod, "status", "phase") !== "Failed")
        problems.push("after the deadline: the pod of a drill runs on");
    const step = createDrillStep(world);
    const end = await world.timeline.play(runDrill(world, step));
    problems.push(...findDrillUntruths(world, step, end));
    if (end.kind === "red") problems.push(`next drill: red with ${end.failure.code}: ${end.failure.message}`);
    return step.lines;
  },
};

export const courses: readonly Course[] = [
  backup("quiesced", {}),
  backup("online", { request: { quiesce: false } }),
  backup(
    "sealed",
    { request: { recipients: [ageRecipient] } },
    {
      // From the first request of the seal to the last of the record.
      choose: (requests) => {
        const puts = requests.filter(({ operation }) => operation === "put object").map(({ number }) => number);
        return requests.filter(({ number }) => number >= (puts[0] ?? 0) && number <= (puts[1] ?? 0) + 1);
      },
    },
  ),
  backup(
    "slow to stop",
    { switches: { drainMs: 110_000 } },
    { choose: (requests) => around(requests, "save hold", 1).slice(0, 7) },
  ),
  backup(
    "long to save",
    { databaseBytes: 5 * 1024 ** 3, savedAfterMs: 9 * 60_000 },
    { choose: (requests) => around(requests, "save hold", 3) },
  ),
  backup(
    "one member",
    { etcdMembers: 1 },
    { choose: (requests) => requests.filter(({ service }) => service === "exec") },
  ),
  backup(
    "in several parts",
    { snapshotBytes: 17 * 1024 * 1024, request: { quiesce: false } },
    {
      choose: (requests) =>
        requests.filter(({ operation }) => ["exec part", "put part", "complete upload"].includes(operation)),
    },
  ),
  backup(
    "all members",
    { request: { members: "all" } },
    {
      choose: (requests) =>
        requests.filter(({ operation }) =>
          ["exec save", "exec result", "create upload", "complete upload", "exec hash", "put object"].includes(
            operation,
          ),
        ),
    },
  ),
  backup(
    "after a dead run",
    {},
    {
      prepare: async (world) => {
        await dieAt(world, "exec part");
        await world.timeline.pass(16 * 60_000);
      },
      choose: (requests) => {
        const preflight = requests.find(({ operation }) => operation === "create selfsubjectaccessreviews");
        return requests.filter(({ number }) => number < (preflight?.number ?? Infinity) + 30);
      },
    },
  ),
  {
    name: "recover",
    options: {},
    prepare: (world) => dieAt(world, "exec save"),
    choose: (requests) => requests,
    start: (world) => {
      const step = createRecoverStep(world, completedRuns);
      return {
        machine: step.machine,
        main: () => runRecover(world, step),
        said: () => step.lines,
        isKnown: () => false,
        findsLeftovers: true,
        findUntruths: (end) => [
          ...findFalseWords(end, step.machine.signal),
          ...(end.kind === "green" && !step.report.recovered ? ["step: it does not say that it recovered"] : []),
        ],
      };
    },
  },
  drill,
];

/** The requests that `course` makes without faults, those of its preparation left out. */
export async function listRequests(course: Course): Promise<readonly WireRequest[]> {
  const { world, run } = await beginCourse(course);
  const first = world.wire.requests.length;
  const end = await world.timeline.play(run.main());
  if (end.kind !== "green") throw new Error(`${course.name} is not green without faults`);
  return world.wire.requests.slice(first);
}

export async function beginCourse(
  course: Course,
): Promise<{ readonly world: MemoryWorld; readonly run: CourseRun; readonly before: Before }> {
  const world = new MemoryWorld(course.options);
  await world.timeline.pass(1000);
  const before = lookBefore(world);
  await course.prepare(world);
  return { world, run: course.start(world), before };
}
