import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { RunningStep } from "../__tests__/fakes/runner/step.ts";
import { restartProgram } from "./cluster/processes.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
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
