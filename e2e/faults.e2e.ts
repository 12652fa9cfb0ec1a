import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { listProcesses } from "../__tests__/fakes/processes.ts";
import type { RunningStep, StepResult } from "../__tests__/fakes/runner/step.ts";
import { restartProgram } from "./cluster/processes.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
import { findPodProcess } from "./hosted/pod-processes.ts";
import { applyRbac, expectSettled, startScenario, type Scenario } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

let scenario: Scenario;
let hosted: HostedCluster;
const databaseMebibytes = 128;
const lineTimeoutMs = 120_000;

beforeAll(async () => {
  scenario = await startScenario();
  hosted = await startHostedCluster(scenario.layout, scenario.admin, { name: "example", etcd: "3.5", members: 1 });
  await applyRbac(scenario.admin);
  const view = await viewEtcd(scenario.layout, hosted);
  await view.fill(databaseMebibytes);
  await view.close();
});

afterEach(() => {
  scenario.store.faults.clear();
});

afterAll(async () => {
  await hosted.close();
  await scenario.close();
});

/** A backup whose transfer takes some 10 s; returns when a part of it is in the store and others are on their way. */
async function startTransfer(): Promise<RunningStep> {
  scenario.store.faults.add({
    on: "UploadPart",
    times: "always",
    action: { kind: "slow-body", bytesPerSecond: 4 * 1024 ** 2 },
  });
  const step = await scenario.start(await scenario.backupInputs());
  await step.waitForLog("Transfer: from the pod to the store", lineTimeoutMs);
  await waitUntil(
    "a part is in the store",
    () => Promise.resolve(scenario.store.openUploads(scenario.bucket).some(({ parts }) => parts.length > 0)),
    { timeoutMs: lineTimeoutMs },
  );
  return step;
}

test("A kubelet that is restarted during the transfer costs some parts a second try", async () => {
  const step = await startTransfer();
  await restartProgram(scenario.layout, "kubelet", 10_000);
  const result = await step.result;
  expect(result.outcome).toBe("success");
  await expectSettled(scenario, hosted, 1);
});

test("An etcd pod that is deleted during the transfer fails the backup, and nothing of it stays", async () => {
  const before = scenario.store.objects(scenario.bucket).length;
  const step = await startTransfer();
  await scenario.admin.remove("Pod", hosted.controlPlaneNamespace, "etcd-0");
  const result = await step.result;
  expect(result.outcome).toBe("failure");
  await expectSettled(scenario, hosted, 1);
  expect(scenario.store.objects(scenario.bucket)).toHaveLength(before);
});

const leaseSeconds = 20;
const leasedKey = "/kubernetes.io/leased";

/** A backup whose save stands still before it asks for its snapshot, until a lease has ended; undefined where it was too late. */
async function backUpAcrossLease(): Promise<StepResult | undefined> {
  const view = await viewEtcd(scenario.layout, hosted);
  const [address = ""] = await hosted.etcdAddresses();
  await view.putLeased(leasedKey, leaseSeconds);
  const step = await scenario.start(await scenario.backupInputs());
  await step.waitForLog("Hold: stop the API servers", lineTimeoutMs);
  const known = new Set(listProcesses());
  await step.waitForLog("Capture: open a snapshot", lineTimeoutMs);
  const isSave = ([program, ...args]: readonly string[]): boolean => program === "etcdctl" && args.includes("save");
  const save = await waitUntil(
    "etcdctl is to save a snapshot",
    () => Promise.resolve(findPodProcess(address, isSave, known)),
    { timeoutMs: 10_000, intervalMs: 0 },
  );
  process.kill(save, "SIGSTOP");
  await waitUntil("the lease has ended", async () => (await view.get(leasedKey)) === undefined, { timeoutMs: 30_000 });
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
  for (let tries = 0; result === undefined && tries < 4; tries += 1) result = await backUpAcrossLease();
  expect(result).toBeDefined();
});
