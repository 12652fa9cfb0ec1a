import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { describeManagementCluster, type ContractCluster } from "../__tests__/adapters/management-cluster-contract.ts";
import { apiServerUrl } from "./cluster/layout.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
import { actionUser, applyRbac, requestToken, startScenario, type Scenario } from "./scenario.ts";

let scenario: Scenario;
let hosted: HostedCluster;
let contract: ContractCluster;

beforeAll(async () => {
  scenario = await startScenario();
  const { layout, admin } = scenario;
  hosted = await startHostedCluster(layout, admin, { name: "example", etcd: "3.5", members: 1, operators: "none" });
  await applyRbac(admin);
  const read = (name: string): Promise<string> => readFile(join(layout.pki, name), "utf8");
  contract = {
    url: apiServerUrl,
    certificateAuthority: await read("ca.crt"),
    user: { name: actionUser, token: await requestToken(admin) },
    administrator: { certificate: { certificate: await read("admin.crt"), privateKey: await read("admin.key") } },
    hostedCluster: hosted,
    controlPlaneNamespace: hosted.controlPlaneNamespace,
  };
});

afterAll(async () => {
  await hosted.close();
  await scenario.close();
});

describeManagementCluster("Kubernetes 1.34", () => contract);
