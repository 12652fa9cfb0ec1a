import { afterAll, beforeAll, expect, test } from "vitest";
import { viewEtcd } from "./hosted/etcdctl.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
import { applyRbac, expectSettled, startScenario, type Scenario } from "./scenario.ts";

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
