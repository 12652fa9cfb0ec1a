import { expect } from "vitest";
import type { RunningStep, StepResult } from "../world/runner/step.ts";
import { findObjectProblems, findUnsettled } from "../world/settled.ts";
import type { StepInputs, World } from "../world/world.ts";
import { areApiServersReady, watchApiServers } from "./api-outage.ts";
import type { CrashFigures } from "../faults/crash-figures.ts";
import { onMoment, type CrashMoment } from "../faults/crash-moments.ts";
import { apiServersRow } from "./refusal.ts";

export interface Struck {
  /** Of the backup that was struck. */
  readonly result: StepResult;
  /** Of the run that came after it; without one, the same. */
  readonly last: StepResult;
}

type Strike = (
  world: World,
  moment: CrashMoment,
  strike: (step: RunningStep) => void,
  next?: () => Promise<StepInputs>,
) => Promise<Struck>;

/**
 * Runs a backup, strikes it at a moment, and then, where there is one, a next run with the inputs that `next` returns.
 * After that nothing may be left, what was stored before is still there, and what the summary of the backup said of the
 * API servers was true.
 */
export function createStrike(figures: CrashFigures): Strike {
  return async (world, moment, strike, next) => {
    const stored = world.objectKeys();
    // A run before this one may have left a whole object without a record.
    const earlier = await findObjectProblems(world);
    const endWatch = watchApiServers(world);
    let struckAtMs: number | undefined;
    let readyAtEnd: boolean | undefined;
    const step = await world.start(world.backupInputs(), {
      onLine: ({ stage }) => {
        if (stage === "post") readyAtEnd ??= areApiServersReady(world);
      },
    });
    const off = onMoment(world, moment, () => {
      struckAtMs = Date.now();
      strike(step);
    });
    const result = await step.result;
    readyAtEnd ??= areApiServersReady(world);
    off();
    if (struckAtMs === undefined) throw new Error(`the backup never came to its ${moment}`);
    figures.addRun(result);
    if (apiServersRow(result) === "back") expect(readyAtEnd).toBe(true);
    const inputs = await next?.();
    const last = inputs === undefined ? result : await world.run(inputs);
    if (inputs !== undefined) figures.addRun(last);
    if (inputs?.["mode"] === "recover") figures.addRecover(last);
    // Once more, for what the struck run itself said and left on the runner.
    for (const run of [last, result]) {
      const found = await findUnsettled(world, run);
      // A whole object without a record stays for days, when the next run is not the one that made it.
      const stays = moment === "proof" && inputs !== undefined ? /^store: \S+ has no record$/ : /^$/;
      const problems = found.filter((problem) => !stays.test(problem) && !earlier.includes(problem));
      figures.addProblems(problems);
      expect(problems, run.log).toEqual([]);
    }
    expect(world.objectKeys()).toEqual(expect.arrayContaining([...stored]));
    const outage = endWatch();
    // Where a deadline passes, the time is played.
    if (next === undefined) figures.addOutage(outage);
    if (next === undefined && result.exitCode !== 0) figures.addEnd(struckAtMs, outage);
    return { result, last };
  };
}
