import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { createEntry } from "../__tests__/scenario/scenario.ts";
import { listProcesses } from "../__tests__/world/processes.ts";
import type { RunningStep, StepResult } from "../__tests__/world/runner/step.ts";
import { stringAt } from "../src/json-path.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { findPodProcess } from "./hosted/pod-processes.ts";
import { expectSettled, startScenario, type Scenario } from "./scenario.ts";
import { lineTimeoutMs, passDeadline, slowDownParts } from "./struck-backup.ts";
import { waitUntil } from "./wait.ts";

let scenario: Scenario;
let hosted: HostedCluster;
const databaseMebibytes = 128;

beforeAll(async () => {
  scenario = await startScenario("faults");
  hosted = await scenario.startHostedCluster({ etcd: "3.5", members: 1 });
  await scenario.applyRbac();
  const view = await viewEtcd(scenario.layout, hosted);
  await view.fill(databaseMebibytes);
  await view.close();
});

beforeEach(() => hosted.settle());

afterEach(() => {
  scenario.store.faults.clear();
});

afterAll(async () => {
  await hosted.end();
  await scenario.close();
});

/** A backup whose transfer goes on for minutes until the store's faults are cleared; returns when the API servers are back. */
async function startTransfer(entry?: string): Promise<RunningStep> {
  slowDownParts(scenario, 0.5);
  const step = await scenario.start(await scenario.backupInputs(), entry);
  await step.waitForLog("Transfer: from pod", lineTimeoutMs);
  await step.waitForLog("the API servers are back", lineTimeoutMs);
  return step;
}

function findEtcdPod(): Promise<unknown> {
  return scenario.admin.find("Pod", hosted.controlPlaneNamespace, "etcd-0");
}

/** The rest of it at full speed. */
async function finishTransfer(step: RunningStep): Promise<StepResult> {
  expect(scenario.store.openUploads(scenario.bucket)).toHaveLength(1);
  scenario.store.faults.clear();
  return step.result;
}

test("An etcd pod that is deleted during the transfer is waited for, and the rest is read from its volume", async () => {
  const step = await startTransfer();
  const before = stringAt(await findEtcdPod(), "metadata", "uid");
  await scenario.admin.remove("Pod", hosted.controlPlaneNamespace, "etcd-0");
  const isReplaced = async (): Promise<boolean> => {
    const uid = stringAt(await findEtcdPod(), "metadata", "uid");
    return uid !== undefined && uid !== before;
  };
  await waitUntil("there is another etcd pod", isReplaced, { timeoutMs: lineTimeoutMs });
  const result = await finishTransfer(step);
  expect(result.outcome).toBe("success");
  await expectSettled(scenario, hosted, 1, [result]);
});

test("An etcd pod that stays away during the transfer fails the backup, and nothing of it stays", async () => {
  const before = scenario.objectKeys();
  // Nobody waits two minutes here.
  const entry = await createEntry({ podPatienceMs: 10_000 });
  onTestFinished(entry.remove);
  const step = await startTransfer(entry.path);
  const scale = (replicas: number): Promise<unknown> =>
    scenario.admin.patch("StatefulSet", hosted.controlPlaneNamespace, "etcd", { spec: { replicas } });
  await scale(0);
  await waitUntil("the etcd pod is gone", async () => (await findEtcdPod()) === undefined, {
    timeoutMs: lineTimeoutMs,
  });
  scenario.store.faults.clear();
  await step.waitForLog("failed with exec-failed", lineTimeoutMs);
  await scale(1);
  const result = await step.result;
  expect([result.outcome, result.post?.outcome]).toEqual(["failure", "success"]);
  await expectSettled(scenario, hosted, 1, [result]);
  expect(scenario.objectKeys()).toEqual(before);
});

test("Nothing of a runner that is gone reads in the pod a minute later, though nobody told the pod to stop", async () => {
  const [address = ""] = await hosted.etcdAddresses();
  const findRead = (): number | undefined => findPodProcess(address, (argv) => argv.join(" ").includes("dd if="));
  const step = await startTransfer();
  await waitUntil("the file is read", () => Promise.resolve(findRead() !== undefined), { timeoutMs: lineTimeoutMs });
  step.killRunner();
  const lost = await step.result;
  await waitUntil("nothing reads any more", () => Promise.resolve(findRead() === undefined), { timeoutMs: 60_000 });
  scenario.store.faults.clear();
  await passDeadline({ scenario, hosted });
  const recovered = await scenario.run(await scenario.backupInputs({ mode: "recover" }));
  expect(recovered.outcome).toBe("success");
  await expectSettled(scenario, hosted, 1, [lost, recovered]);
});

/** Longer than anything here: it ends when it is ended. */
const leaseSeconds = 3600;
const leasedKey = "/kubernetes.io/leased";

/** A backup whose save stands still before it asks for its snapshot, while a lease ends; undefined where it was too late. */
async function backUpAcrossLease(): Promise<StepResult | undefined> {
  const view = await viewEtcd(scenario.layout, hosted);
  const [address = ""] = await hosted.etcdAddresses();
  const endLease = await view.putLeased(leasedKey, leaseSeconds);
  const step = await scenario.start(await scenario.backupInputs());
  await step.waitForLog("Hold: stop the API servers", lineTimeoutMs);
  const known = new Set(listProcesses());
  await step.waitForLog("Capture: open a snapshot", lineTimeoutMs);
  const isSave = ([program, ...args]: readonly string[]): boolean => program === "etcdctl" && args.includes("save");
  const save = await waitUntil(
    "etcdctl is to save a snapshot",
    () => Promise.resolve(findPodProcess(address, isSave, known)),
    { timeoutMs: 60_000, intervalMs: 0 },
  );
  process.kill(save, "SIGSTOP");
  await endLease();
  await waitUntil("the lease has ended", async () => (await view.get(leasedKey)) === undefined, { timeoutMs: 60_000 });
  process.kill(save, "SIGCONT");
  await view.close();
  const result = await step.result;
  expect(result.outcome).toBe("success");
  await expectSettled(scenario, hosted, 1, [result]);
  const [, before] = /opened at revision (\d+) on /.exec(result.log) ?? [];
  return Number(result.outputs["snapshot-revision"]) === Number(before) + 1 ? result : undefined;
}

test("A lease that ends between the look at the revision and the snapshot costs no backup", async () => {
  let result: StepResult | undefined;
  for (let tries = 0; result === undefined && tries < 8; tries += 1) result = await backUpAcrossLease();
  expect(result).toBeDefined();
});
