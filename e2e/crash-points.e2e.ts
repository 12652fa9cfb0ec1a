import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { CrashFigures } from "../__tests__/action/crash-figures.ts";
import { findStepProblems } from "../__tests__/fakes/settled.ts";
import { titlesOf } from "../__tests__/action/refusal.ts";
import { createEntry } from "../__tests__/action/scenario.ts";
import type { RunningStep, StepResult } from "../__tests__/fakes/runner/step.ts";
import { journalAnnotation, renderJournal } from "../src/hypershift/journal.ts";
import { stringAt } from "../src/hypershift/json-path.ts";
import { restartProgram } from "./cluster/processes.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
import { watchWriters, type WritersWatch } from "./hosted/writers-watch.ts";
import { applyRbac, expectSettled, startScenario, type Scenario, type StepInputs } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

let scenario: Scenario;
let hosted: HostedCluster;
const figures = new CrashFigures("Crash points on the real cluster");
const databaseMebibytes = 64;
const lineTimeoutMs = 120_000;
const awayMs = 30_000;
/** The API server remembers for 10 s that it knew a token. */
const tokenMemoryMs = 12_000;
/** Short, so that the deadline of a dead run is near: a minute more than this. */
const gracePeriodSeconds = 10;

const moments = ["hold", "capture", "transfer"] as const;
type Moment = (typeof moments)[number];

beforeAll(async () => {
  scenario = await startScenario();
  hosted = await startHostedCluster(scenario.layout, scenario.admin, {
    name: "example",
    etcd: "3.5",
    members: 1,
    gracePeriodSeconds,
  });
  await applyRbac(scenario.admin);
});

afterEach(() => {
  scenario.store.faults.clear();
});

afterAll(async () => {
  console.log(figures.render());
  await hosted.close();
  await scenario.close();
});

const slowParts = {
  on: "UploadPart",
  times: "always",
  action: { kind: "slow-body", bytesPerSecond: 4 * 1024 ** 2 },
} as const;

const reach: Readonly<Record<Moment, (step: RunningStep, watch: WritersWatch) => Promise<unknown>>> = {
  hold: (_step, watch) =>
    waitUntil("a writer is told to stop", () => Promise.resolve(watch.seen().stoppedAtMs), {
      timeoutMs: lineTimeoutMs,
      intervalMs: 10,
    }),
  capture: (step) => step.waitForLog("Capture: open a snapshot", lineTimeoutMs),
  transfer: async (step) => {
    await step.waitForLog("Transfer: from the pod to the store", lineTimeoutMs);
    await waitUntil(
      "a part is in the store",
      () => Promise.resolve(scenario.store.openUploads(scenario.bucket).some(({ parts }) => parts.length > 0)),
      { timeoutMs: lineTimeoutMs, intervalMs: 10 },
    );
  },
};

/** Strikes a backup at a moment; `next` returns the inputs of a run that comes after it. Then nothing may be left. */
async function strikeBackup(
  moment: Moment,
  strike: (step: RunningStep) => void | Promise<void>,
  next?: () => Promise<StepInputs>,
  entry?: string,
): Promise<{ readonly result: StepResult; readonly last: StepResult }> {
  const stored = scenario.objectKeys();
  const watch = watchWriters(scenario.admin, hosted.controlPlaneNamespace, 1);
  onTestFinished(async () => {
    await watch.end();
  });
  if (moment === "transfer") scenario.store.faults.add(slowParts);
  const step = await scenario.start(await scenario.backupInputs(), entry);
  await reach[moment](step, watch);
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
async function passDeadline(): Promise<void> {
  const hostedCluster = await scenario.admin.find("HostedCluster", hosted.namespace, hosted.name);
  const pausedUntil = stringAt(hostedCluster, "spec", "pausedUntil");
  if (pausedUntil !== undefined)
    await waitUntil("the deadline has passed", () => Promise.resolve(Date.now() > Date.parse(pausedUntil)), {
      timeoutMs: 240_000,
    });
  else {
    // Nothing is paused, and nobody waits a quarter of an hour here.
    const journal = await hosted.journal();
    const over = renderJournal({ ...journal, deadline: journal.acquired });
    await scenario.admin.patch("HostedCluster", hosted.namespace, hosted.name, {
      metadata: { annotations: { [journalAnnotation]: over } },
    });
  }
  await waitUntil("the writers are back", () => hosted.areWritersReady(), { timeoutMs: 120_000 });
}

/** Whoever would wait up to a minute before it asks again is started anew; what it does then is the same. */
async function stopApiServer(): Promise<void> {
  const { layout, admin } = scenario;
  await restartProgram(layout, "kube-apiserver", 1_000, awayMs);
  await waitUntil("the API server is ready", () => admin.call("GET", "/readyz"), { timeoutMs: 120_000 });
  for (const name of ["kube-controller-manager", "kube-scheduler", "kubelet"])
    await restartProgram(layout, name, 1_000);
}

const pairs = 20;

test(`Of two runs that are started at once exactly one takes the hosted cluster, ${String(pairs)} times`, async () => {
  const refusals: string[] = [];
  for (let pair = 1; pair <= pairs; pair += 1) {
    // Whoever takes it has it for some seconds.
    scenario.store.faults.add({ ...slowParts, action: { kind: "slow-body", bytesPerSecond: 512 * 1024 } });
    const inputs = await scenario.backupInputs({ quiesce: "false" });
    const runs = await Promise.all([scenario.run(inputs), scenario.run(inputs)]);
    scenario.store.faults.clear();
    const [winner, loser] = runs.toSorted((a, b) => (a.exitCode ?? 2) - (b.exitCode ?? 2));
    if (winner === undefined || loser === undefined) throw new Error("there are two runs");
    expect([winner.outcome, winner.outputs["recovered"]]).toEqual(["success", "false"]);
    expect([loser.exitCode, titlesOf(loser)]).toEqual([
      1,
      [expect.stringMatching(/^(?:hold-conflict|hosted-cluster-held)$/)],
    ]);
    refusals.push(...titlesOf(loser));
    expect(scenario.objectKeys()).toHaveLength(2 * pair);
    await expectSettled(scenario, hosted, 1, runs);
  }
  const counts = Object.entries(Object.groupBy(refusals, (code) => code));
  console.log(
    `Two runs at once: ${String(pairs)} times, one acquired each time; the other ended with ${counts.map(([code, all]) => `${code} ${String(all?.length)}`).join(", ")}`,
  );
});

describe("A backup", () => {
  beforeAll(async () => {
    const view = await viewEtcd(scenario.layout, hosted);
    await view.fill(databaseMebibytes);
    await view.close();
  });

  test.for(moments)("that gets SIGINT in the %s puts everything back", async (moment) => {
    const { result } = await strikeBackup(moment, (step) => {
      step.cancel();
    });
    expect([result.exitCode, titlesOf(result), result.post?.outcome]).toEqual([1, ["cancelled"], "success"]);
  });

  test.for(moments)("that gets SIGKILL in the %s is put back by its post step", async (moment) => {
    const { result } = await strikeBackup(moment, (step) => {
      step.kill();
    });
    expect([result.signal, result.post?.outcome]).toEqual(["SIGKILL", "success"]);
  });

  test.for(moments)("whose runner is gone in the %s is put back by the deadline and the next run", async (moment) => {
    const { result, last } = await strikeBackup(
      moment,
      (step) => {
        step.killRunner();
      },
      async () => {
        await passDeadline();
        return scenario.backupInputs({ mode: moment === "capture" ? "backup" : "recover" });
      },
    );
    expect(result.post).toBeUndefined();
    expect([last.outcome, last.outputs["recovered"]]).toEqual(["success", "true"]);
  });

  test.for(moments)("whose API server is stopped for 30 s in the %s is green", async (moment) => {
    const { result } = await strikeBackup(moment, stopApiServer);
    expect([titlesOf(result), result.outcome, result.post?.outcome]).toEqual([[], "success", "success"]);
  });

  test("whose token is revoked in the transfer says so, and a run with another one takes away what stayed", async () => {
    // The token of a ServiceAccount ends with it; nobody waits here until the run and its post step give up.
    const entry = await createEntry({ undoMs: 10_000, cleanUpMs: 10_000 });
    onTestFinished(entry.remove);
    const { result, last } = await strikeBackup(
      "transfer",
      async () => {
        // The transfer is to go on for longer than the API server remembers.
        scenario.store.faults.clear();
        scenario.store.faults.add({ ...slowParts, action: { kind: "slow-body", bytesPerSecond: 256 * 1024 } });
        await scenario.admin.remove("ServiceAccount", "clusters", "etcd-backup");
        await sleep(tokenMemoryMs);
      },
      async () => {
        await applyRbac(scenario.admin);
        await passDeadline();
        return scenario.backupInputs({ mode: "recover" });
      },
      entry.path,
    );
    expect([titlesOf(result), result.post?.outcome]).toEqual([["release-failed"], "failure"]);
    expect(result.log).toContain("failed with cluster-unauthorized");
    expect([last.outcome, last.outputs["recovered"]]).toEqual(["success", "true"]);
  });
});
