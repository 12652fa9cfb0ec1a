import { createRecoverStep, runRecover } from "../fakes/memory-world/recover-step.ts";
import { cancelProcess, createStep, runMain, type StageEnd } from "../fakes/memory-world/step.ts";
import type { MemoryWorld } from "../fakes/memory-world/world.ts";
import { beginCourse, type Course, type CourseRun } from "./course.ts";
import { weatherOf, type Fault } from "./fault.ts";
import { findDown, findLeft, findUntruths, findWrong, type Before } from "./oracle.ts";

/** How one run with a fault went. */
export interface TrialResult {
  /** What is not as it must be; empty when all is well. */
  readonly problems: readonly string[];
  readonly main: StageEnd;
  readonly outageMs: number;
  readonly pauseMs: number;
  /** What was left when the runner was done. */
  readonly left: readonly string[];
}

/** Longer than any lock, and than anything that is taken for young. */
export const allDeadlinesMs = 2 * 3_600_000 + 60_000;

/**
 * Runs `course` with `fault` at its request number `number` (from 1), and the post step where the runner still makes one;
 * then lets every deadline pass, and recovers: in turn by `mode: recover` and by the next backup.
 */
export async function runTrial(course: Course, fault: Fault, number: number): Promise<TrialResult> {
  const { world, run, before } = await beginCourse(course);
  const { timeline, watch } = world;
  world.weather = weatherOf(fault, world.wire.requests.length + number, () => {
    if (fault.strike?.what === "cancel") cancelProcess(world, run.machine);
    else run.machine.kill();
  });
  const main = await timeline.play(run.main());
  const problems = run.findUntruths(main);
  if (fault.strike?.what !== "lose" && run.post) {
    const post = await timeline.play(run.post());
    if (post.kind === "killed") problems.push("step: post did not end in its time");
  }
  const left = [...findDown(world, before), ...findLeft(world, before)];
  problems.push(...left.filter((what) => mustBeGone(fault, run, main, what)).map((what) => `at once: ${what}`));

  world.weather = () => undefined;
  await timeline.pass(allDeadlinesMs);
  problems.push(...findDown(world, before).map((what) => `after the deadline: ${what}`));
  const said = [...run.said(), ...(await (number % 2 === 0 ? recoverNow : backUpAgain)(world, before, problems))];
  problems.push(...findDown(world, before), ...findLeft(world, before), ...findWrong(world, before, said));
  return { problems, main, outageMs: watch.longestOutageMs, pauseMs: watch.longestPauseMs, left };
}

async function recoverNow(world: MemoryWorld, _: Before, problems: string[]): Promise<readonly string[]> {
  const step = createRecoverStep(world);
  const end = await world.timeline.play(runRecover(world, step));
  if (end.kind !== "green") problems.push(`recover: ${describeEnd(end)}`);
  return step.lines;
}

async function backUpAgain(world: MemoryWorld, before: Before, problems: string[]): Promise<readonly string[]> {
  if (findLeft(world, before).length === 0) return [];
  const hadJournal = world.journal !== undefined;
  const step = createStep(world);
  const end = await world.timeline.play(runMain(world, step));
  problems.push(...findUntruths(world, step, end));
  if (end.kind !== "green") problems.push(`next backup: ${describeEnd(end)}`);
  if (hadJournal && !step.report.recovered) problems.push("next backup: it does not say that it recovered");
  return step.lines;
}

/**
 * What has to be gone when the runner is done. A trial upload of preflight that could not be aborted is found by its age
 * only: before the hold nothing says that there is a run. A run that
 * ended early may have left what it had found.
 */
function mustBeGone(fault: Fault, run: CourseRun, main: StageEnd, what: string): boolean {
  if (!fault.settlesAtOnce || (run.findsLeftovers && main.kind !== "green")) return false;
  return !(fault.leavesTrialUpload && !run.isKnown() && /^store: an upload of .* is open$/.test(what));
}

export function describeEnd(end: StageEnd): string {
  return end.kind === "red" ? `red with ${end.failure.code}: ${end.failure.message}` : end.kind;
}
