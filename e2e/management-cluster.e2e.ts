import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CrashFigures } from "../__tests__/faults/crash-figures.ts";
import { createMemoryLog } from "../__tests__/unit/restore/expectations.ts";
import { titlesOf } from "../__tests__/scenario/refusal.ts";
import { createClock } from "../src/adapters/clock.ts";
import { createManagementCluster } from "../src/adapters/kubernetes/management-cluster.ts";
import { describeError } from "../src/errors.ts";
import { parseKubeconfig } from "../src/kubeconfig/context.ts";
import { restartProgram } from "./cluster/processes.ts";
import { testWhere } from "./everything.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { startScenario, type Scenario } from "./scenario.ts";
import { moments, slowDownParts, strikeBackup, struckDatabaseMebibytes, type Range } from "./struck-backup.ts";
import { waitUntil } from "./wait.ts";

// What happens here happens to every hosted cluster: no other test runs meanwhile.

let scenario: Scenario;
let hosted: HostedCluster;
let range: Range;
const figures = new CrashFigures("Parts of the management cluster away");
const awayMs = 30_000;

beforeAll(async () => {
  scenario = await startScenario("management-cluster");
  // The pause outlasts the outage by what a capture needs.
  hosted = await scenario.startHostedCluster({ etcd: "3.5", members: 1, gracePeriodSeconds: 40 });
  await scenario.applyRbac();
  range = { scenario, hosted, figures };
  const view = await viewEtcd(scenario.layout, hosted);
  await view.fill(struckDatabaseMebibytes);
  await view.close();
});

beforeEach(() => hosted.settle());

afterEach(() => {
  scenario.store.faults.clear();
});

afterAll(async () => {
  console.log(figures.render());
  await hosted.end();
  await scenario.close();
});

test("A kubelet that is restarted during the transfer costs some parts a second try", async () => {
  const { result } = await strikeBackup(range, "transfer", {
    strike: async (step) => {
      // Slow at once: on a busy machine the API servers take longer than the transfer.
      scenario.store.faults.clear();
      slowDownParts(scenario, 0.5);
      await step.waitForLog("the API servers are back", 300_000);
      await restartProgram(scenario.layout, "kubelet", 10_000);
      expect(scenario.store.openUploads(scenario.bucket)).toHaveLength(1);
    },
  });
  expect(result.outcome).toBe("success");
});

test("A command whose kubelet is restarted before it prints is told as cut off, not as ended", async () => {
  const { kubeconfig = "" } = await scenario.backupInputs();
  const cluster = createManagementCluster(parseKubeconfig(kubeconfig, { environment: {} }), {
    clock: createClock(),
    log: createMemoryLog(),
  });
  const { controlPlaneNamespace: namespace } = hosted;
  const asked = cluster.exec({ namespace, name: "etcd-0", container: "etcd" }, ["sh", "-c", "sleep 20; echo whole"], {
    timeoutMs: 120_000,
  });
  const told = asked.then(({ stdout }) => stdout.toString(), describeError);
  await delay(3_000);
  await restartProgram(scenario.layout, "kubelet", 10_000);
  expect(await told).toMatchObject({ code: "exec-interrupted" });
});

/** Programs that would wait up to a minute before they ask again are started anew; what they do then is the same. */
async function stopApiServer(): Promise<void> {
  const { layout, admin } = scenario;
  await restartProgram(layout, "kube-apiserver", 1_000, awayMs);
  await waitUntil("the API server is ready", () => admin.call("GET", "/readyz"), { timeoutMs: 300_000 });
  for (const name of ["kube-controller-manager", "kube-scheduler", "kubelet"])
    await restartProgram(layout, name, 1_000);
}

describe("A backup", () => {
  describe.for(moments)("whose API server is stopped for 30 s in the %s", (moment) => {
    testWhere(moment === "capture")("is green", async () => {
      const { result } = await strikeBackup(range, moment, { strike: stopApiServer });
      expect([titlesOf(result), result.outcome, result.post?.outcome]).toEqual([[], "success", "success"]);
    });
  });
});
