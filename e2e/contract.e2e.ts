import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach } from "vitest";
import {
  describeManagementCluster,
  type ContractCluster,
} from "../__tests__/world/tests/management-cluster-contract.ts";
import { apiServerUrl } from "./cluster/layout.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { startScenario, type Scenario } from "./scenario.ts";

let scenario: Scenario;
let hosted: HostedCluster;
let contract: ContractCluster;

beforeAll(async () => {
  scenario = await startScenario("contract");
  const { layout } = scenario;
  hosted = await scenario.startHostedCluster({ etcd: "3.5", members: 1, operators: "none" });
  await scenario.applyRbac();
  const read = (name: string): Promise<string> => readFile(join(layout.pki, name), "utf8");
  contract = {
    url: apiServerUrl,
    certificateAuthority: await read("ca.crt"),
    user: { name: scenario.actionUser, token: await scenario.requestToken() },
    administrator: { certificate: { certificate: await read("admin.crt"), privateKey: await read("admin.key") } },
    hostedCluster: hosted,
    controlPlaneNamespace: hosted.controlPlaneNamespace,
  };
});

beforeEach(() => hosted.settle());

afterAll(async () => {
  await hosted.end();
  await scenario.close();
});

describeManagementCluster("Kubernetes 1.34", () => contract);
