import { expect, onTestFinished } from "vitest";
import type { CrashFigures } from "../__tests__/faults/crash-figures.ts";
import { findStepProblems } from "../__tests__/world/settled.ts";
import type { RunningStep, StepResult } from "../__tests__/world/runner/step.ts";
import { journalAnnotation, renderJournal } from "../src/hold/journal.ts";
import { stringAt } from "../src/json-path.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { watchWriters, type WritersWatch } from "./hosted/writers-watch.ts";
import { expectSettled, type Scenario, type StepInputs } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

/** Where backups are struck, and where it is noted how they went. */
export interface Range {
  readonly scenario: Scenario;
  readonly hosted: HostedCluster;
  readonly figures: CrashFigures;
}

export const lineTimeoutMs = 300_000;
/** Of an etcd that backups are struck on: enough for a transfer that takes some seconds. */
export const struckDatabaseMebibytes = 64;

export const moments = ["hold", "capture", "transfer"] as const;
export type Moment = (typeof moments)[number];

/** Makes each part of a transfer take so long that a test can do something meanwhile. */
export function slowDownParts({ store }: Scenario, mebibytesPerSecond: number): void {
  store.faults.add({
    on: "UploadPart",
    times: "always",
    action: { kind: "slow-body", bytesPerSecond: mebibytesPerSecond * 1024 ** 2 },
  });
}

const reach: Readonly<
  Record<Moment, (scenario: Scenario, step: RunningStep, watch: WritersWatch) => Promise<unknown>>
> = {
  hold: (_scenario, _step, watch) =>
    waitUntil("a writer is told to stop", () => Promise.resolve(watch.seen().stoppedAtMs), {
      timeoutMs: lineTimeoutMs,
      intervalMs: 10,
    }),
  capture: (_scenario, step) => step.waitForLog("Capture: open a snapshot", lineTimeoutMs),
  transfer: async (scenario, step) => {
    await step.waitForLog("Transfer: from pod", lineTimeoutMs);
    await waitUntil(
      "a part is in the store",
      () => Promise.resolve(scenario.store.openUploads(scenario.bucket).some(({ parts }) => parts.length > 0)),
      { timeoutMs: lineTimeoutMs, intervalMs: 10 },
    );
  },
};

/** Strikes a backup at a moment; `next` returns the inputs of a run that comes after it. Then nothing may be left. */
export async function strikeBackup(
  { scenario, hosted, figures }: Range,
  moment: Moment,
  {
    strike,
    next,
    entry,
  }: {
    readonly strike: (step: RunningStep) => unknown;
    readonly next?: () => Promise<StepInputs>;
    readonly entry?: string;
  },
): Promise<{ readonly result: StepResult; readonly last: StepResult }> {
  const stored = scenario.objectKeys();
  const watch = watchWriters(scenario.admin, hosted.controlPlaneNamespace, 1);
  onTestFinished(async () => {
    await watch.end();
  });
  if (moment === "transfer") slowDownParts(scenario, 4);
  const step = await scenario.start(await scenario.backupInputs(), entry);
  await reach[moment](scenario, step, watch);
  const struckAtMs = Date.now();
  await strike(step);
  scenario.store.faults.clear();
  const result = await step.result;
  figures.addRun(result);
  const inputs = await next?.();
  const last = inputs === undefined ? result : await scenario.run(inputs);
  if (inputs !== undefined) {
    figures.addRun(last);
    if (inputs["mode"] === "recover") figures.addRecover(last);
  }
  for (const run of [result, last]) figures.addProblems(await findStepProblems(scenario, run));
  await expectSettled(scenario, hosted, 1, [result, last]);
  expect(scenario.objectKeys()).toEqual(expect.arrayContaining([...stored]));
  const outage = await watch.end();
  figures.addOutage(outage);
  if (next === undefined && result.exitCode !== 0) figures.addEnd(struckAtMs, outage);
  return { result, last };
}

/** The deadline passes: HyperShift brings the API servers back, and the rest is for a run that comes later. */
export async function passDeadline({ scenario, hosted }: Pick<Range, "scenario" | "hosted">): Promise<void> {
  const hostedCluster = await scenario.admin.find("HostedCluster", hosted.namespace, hosted.name);
  const pausedUntil = stringAt(hostedCluster, "spec", "pausedUntil");
  if (pausedUntil !== undefined)
    await waitUntil("the deadline has passed", () => Promise.resolve(Date.now() > Date.parse(pausedUntil)), {
      timeoutMs: lineTimeoutMs,
    });
  else {
    // Nothing is paused, and nobody waits a quarter of an hour here.
    const journal = await hosted.journal();
    const over = renderJournal({ ...journal, deadline: journal.acquired });
    await scenario.admin.patch("HostedCluster", hosted.namespace, hosted.name, {
      metadata: { annotations: { [journalAnnotation]: over } },
    });
  }
  await waitUntil("the writers are back", () => hosted.areWritersReady(), { timeoutMs: lineTimeoutMs });
}
