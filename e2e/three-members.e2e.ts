import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { titlesOf } from "../__tests__/action/refusal.ts";
import type { RunningStep } from "../__tests__/fakes/runner/step.ts";
import { numberAt, stringAt } from "../src/hypershift/json-path.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
import { findPodProcess } from "./hosted/pod-processes.ts";
import { applyRbac, expectSettled, startScenario, type Scenario } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

let scenario: Scenario;
let hosted: HostedCluster;

beforeAll(async () => {
  scenario = await startScenario();
  hosted = await startHostedCluster(scenario.layout, scenario.admin, { name: "example", etcd: "3.6", members: 3 });
  await applyRbac(scenario.admin);
});

afterAll(async () => {
  await hosted.close();
  await scenario.close();
});

test("A quiesced backup of etcd 3.6 with three members holds what all of them have", async () => {
  const result = await scenario.run(await scenario.backupInputs());
  expect(result.outcome).toBe("success");
  expect(result.outputs["etcd-version"]).toBe("3.6.5");
  const view = await viewEtcd(scenario.layout, hosted);
  const hashes = await view.hashes(Number(result.outputs["snapshot-revision"]));
  await view.close();
  expect(hashes).toHaveLength(3);
  expect(new Set(hashes).size).toBe(1);
  await expectSettled(scenario, hosted, 3);
});

test("An online backup of etcd 3.6 with three members keeps the writers running", async () => {
  const before = Object.keys(await hosted.acknowledged());
  const result = await scenario.run(await scenario.backupInputs({ quiesce: "false" }));
  expect(result.outcome).toBe("success");
  expect(Object.keys(await hosted.acknowledged())).toEqual(before);
  await expectSettled(scenario, hosted, 3);
});

interface LaggingRun {
  readonly step: RunningStep;
  readonly member: string;
  /** Of the last write to the others. */
  readonly revision: number;
  /** The member goes on. */
  readonly proceed: () => void;
}

/**
 * A backup that waits for its capture; the etcd that it is to capture has stood still since a writer was told to stop,
 * while the others were written to.
 */
async function startLaggingBackup(): Promise<LaggingRun> {
  const { admin } = scenario;
  const step = await scenario.start(await scenario.backupInputs());
  const isToldToStop = async (): Promise<boolean> => {
    const deployment = await admin.find("Deployment", hosted.controlPlaneNamespace, "openshift-apiserver");
    return numberAt(deployment, "spec", "replicas") === 0;
  };
  await waitUntil("a writer is told to stop", isToldToStop, { timeoutMs: 120_000, intervalMs: 20 });
  const { members } = await hosted.journal();
  const [member = ""] = members;
  const pod = await admin.find("Pod", hosted.controlPlaneNamespace, member);
  const address = stringAt(pod, "status", "podIP") ?? "";
  const pid = findPodProcess(address, ([program]) => program === "/usr/bin/etcd");
  if (pid === undefined) throw new Error(`${member} has no etcd`);
  process.kill(pid, "SIGSTOP");
  const proceed = (): void => {
    process.kill(pid, "SIGCONT");
  };
  onTestFinished(proceed);
  const others = await viewEtcd(scenario.layout, hosted, address);
  await others.fill(8);
  const revision = await others.revision();
  await others.close();
  await step.waitForLog("Capture: open a snapshot", 120_000);
  return { step, member, revision, proceed };
}

test("A member that lags behind is captured when it has what the others have", async () => {
  const { step, member, revision, proceed } = await startLaggingBackup();
  await sleep(2_000);
  proceed();
  const result = await step.result;
  expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
  const record = await scenario.readRecord(result.outputs["record-uri"] ?? "");
  expect(record.snapshots[0]?.member.name).toBe(member);
  expect(Number(result.outputs["snapshot-revision"])).toBeGreaterThanOrEqual(revision);
  await expectSettled(scenario, hosted, 3, [result]);
});

test("A member that does not catch up gives no snapshot, and the API servers come back", async () => {
  const { step, proceed } = await startLaggingBackup();
  const stored = scenario.objectKeys();
  const result = await step.result;
  proceed();
  expect([titlesOf(result), result.post?.outcome]).toEqual([["snapshot-failed"], "success"]);
  expect(scenario.objectKeys()).toEqual(stored);
  await expectSettled(scenario, hosted, 3, [result]);
});
