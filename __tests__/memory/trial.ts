import { createRecoverStep, runRecover } from "../world/memory-world/recover-step.ts";
import { createStep, runMain, type StageEnd } from "../world/memory-world/step.ts";
import type { MemoryWorld } from "../world/memory-world/world.ts";
import { beginCourse, type Course, type CourseRun } from "./course.ts";
import { limits } from "../../src/time-limits.ts";
import { befall, type Fault } from "./fault.ts";
import { findDown, findLeft, findUntruths, findWrong, isUnnamed, isUnrecorded, type Before } from "./oracle.ts";

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
 * then lets every deadline pass, and takes away what is left: as the course says, or in turn by `mode: recover` and the next backup.
 */
export async function runTrial(course: Course, fault: Fault, number: number): Promise<TrialResult> {
  const { world, run, before } = await beginCourse(course);
  const { timeline, watch } = world;
  const struckNumber = world.wire.requests.length + number;
  world.weather = befall(world, fault, (request) => request.number === struckNumber).weather;
  const main = await timeline.play(run.main());
  const problems = run.findUntruths(main);
  if (fault.runnerGone !== true && run.post) {
    const post = await timeline.play(run.post());
    if (post.kind === "killed") problems.push("step: post did not end in its time");
  }
  const left = [...findDown(world, before), ...findLeft(world, before)];
  problems.push(...left.filter((what) => mustBeGone(fault, run, main, what)).map((what) => `at once: ${what}`));

  world.weather = () => undefined;
  await timeline.pass(allDeadlinesMs);
  problems.push(...findDown(world, before).map((what) => `after the deadline: ${what}`));
  const takeAway = course.next ?? (number % 2 === 0 ? recoverNow : backUpAgain);
  const said = [...run.said(), ...(await takeAway(world, before, problems))];
  problems.push(...findDown(world, before), ...findLeft(world, before).filter((what) => !isUnrecorded(what)));
  problems.push(...(await recoverUnrecorded(world, before)), ...findWrong(world, before, said));
  return { problems, main, outageMs: watch.longestOutageMs, pauseMs: watch.longestPauseMs, left };
}

/** What a recovery leaves because it is young is gone when it is old, and was recovered again. */
export async function recoverUnrecorded(world: MemoryWorld, before: Before): Promise<readonly string[]> {
  if (!findLeft(world, before).some(isUnrecorded)) return [];
  await world.timeline.pass(limits.abandonedMs + 60_000);
  const end = await world.timeline.play(runRecover(world, createRecoverStep(world)));
  const left = findLeft(world, before).filter((what) => !isUnnamed(what));
  return [...(end.kind === "green" ? [] : [`recover, days later: ${describeEnd(end)}`]), ...left];
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
  const { lastsMs = 0, runnerGone = false, strike } = fault;
  if (lastsMs === Infinity || runnerGone || (run.findsLeftovers && main.kind !== "green")) return false;
  const leavesTrialUpload = lastsMs > 0 || strike?.what === "kill";
  return !(leavesTrialUpload && !run.isKnown() && /^store: an upload of .* is open$/.test(what));
}

export function describeEnd(end: StageEnd): string {
  return end.kind === "red" ? `red with ${end.failure.code}: ${end.failure.message}` : end.kind;
}
