import {
  cancelStep,
  createStep,
  runMain,
  runPost,
  runRecover,
  type StageEnd,
  type Step,
} from "../fakes/memory-world/step.ts";
import { MemoryWorld, type MemoryWorldOptions } from "../fakes/memory-world/world.ts";
import type { Weather } from "../fakes/memory-world/wire.ts";
import { weatherOf, type Fault } from "./fault.ts";
import { findDown, findLeft, findUntruths, findWrong, lookBefore } from "./oracle.ts";

/** How one run with a fault went. */
export interface TrialResult {
  /** What is not as it must be; empty when all is well. */
  readonly problems: readonly string[];
  readonly main: StageEnd;
  readonly post: StageEnd | undefined;
  readonly lines: readonly string[];
  readonly outageMs: number;
  readonly pauseMs: number;
  /** What was left when the runner was done. */
  readonly left: readonly string[];
}

/** Longer than any lock, and than anything that is taken for young. */
const allDeadlinesMs = 2 * 3_600_000 + 60_000;

/**
 * Runs a backup in which `fault` befalls request `number`, with the post step where the runner still makes one; then lets
 * every deadline pass, and recovers: in turn by `mode: recover` and by the next backup.
 */
export async function runTrial(
  fault: Fault,
  number: number,
  options: Omit<MemoryWorldOptions, "weather"> = {},
): Promise<TrialResult> {
  let weather: Weather = () => undefined;
  const world = new MemoryWorld({ ...options, weather: (request) => weather(request) });
  const { timeline, watch } = world;
  await timeline.pass(1000);
  const before = lookBefore(world);
  const step = createStep(world);
  weather = weatherOf(fault, number, () => {
    if (fault.strike?.what === "cancel") cancelStep(world, step);
    else step.machine.kill();
  });
  const main = await timeline.play(runMain(world, step));
  const problems = findUntruths(world, step, main);
  const post = fault.strike?.what === "lose" ? undefined : await timeline.play(runPost(world, step));
  if (post?.kind === "killed") problems.push("step: post did not end in its time");
  const atOnce = [...findDown(world, before), ...findLeft(world, before)];
  problems.push(...atOnce.filter((what) => mustBeGone(fault, step, what)).map((what) => `at once: ${what}`));

  weather = () => undefined;
  await timeline.pass(allDeadlinesMs);
  problems.push(...findDown(world, before).map((what) => `after the deadline: ${what}`));
  const hadJournal = world.journal !== undefined;
  const steps = [step];
  if (number % 2 === 0) {
    const { end, lines } = await timeline.play(runRecover(world));
    if (end.kind !== "green") problems.push(`recover: ${describeEnd(end)}`);
    steps.push({ ...step, lines: [...lines] });
  } else if (findLeft(world, before).length > 0) {
    const next = createStep(world);
    const end = await timeline.play(runMain(world, next));
    problems.push(...findUntruths(world, next, end));
    if (end.kind !== "green") problems.push(`next backup: ${describeEnd(end)}`);
    if (hadJournal && !next.report.recovered) problems.push("next backup: it does not say that it recovered");
    steps.push(next);
  }
  problems.push(...findDown(world, before), ...findLeft(world, before), ...findWrong(world, before, steps));
  return {
    problems,
    main,
    post,
    lines: steps.flatMap(({ lines }) => lines),
    outageMs: watch.longestOutageMs,
    pauseMs: watch.longestPauseMs,
    left: atOnce,
  };
}

/**
 * What has to be gone when the runner is done. A trial upload of preflight that could not be aborted is found by its age
 * only: before the hold nothing says that there is a run.
 */
function mustBeGone(fault: Fault, step: Step, what: string): boolean {
  if (!fault.settlesAtOnce) return false;
  const beforeHold = !step.state.has("hold");
  return !(beforeHold && /^store: an upload of .* is open$/.test(what) && fault.leavesTrialUpload);
}

export function describeEnd(end: StageEnd): string {
  return end.kind === "red" ? `red with ${end.failure.code}: ${end.failure.message}` : end.kind;
}
