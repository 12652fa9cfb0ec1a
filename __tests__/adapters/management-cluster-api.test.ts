import { readFileSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import { parse } from "yaml";
import { stringAt } from "../../src/hypershift/json-path.ts";
import { startManagementCluster, type ManagementCluster } from "../fakes/management-cluster/management-cluster.ts";
import { rulesFromYaml } from "../fakes/management-cluster/rbac.ts";
import { describeManagementCluster, type ContractCluster } from "./management-cluster-contract.ts";

const rbac = readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8");
let cluster: ManagementCluster;
let contract: ContractCluster;

beforeAll(async () => {
  cluster = await startManagementCluster({
    rules: [
      ...rulesFromYaml(rbac),
      { apiGroups: ["*"], resources: ["*"], nonResourceURLs: ["*"], verbs: ["*"], users: ["administrator"] },
    ],
    // At rest: nobody puts a deployment back. Pods end slowly enough to be seen.
    switches: { hypershiftOperator: "dead", controlPlaneOperator: "dead", drainMs: 1_000 },
  });
  contract = {
    url: cluster.url,
    certificateAuthority: cluster.ca.certificate,
    user: { name: cluster.user, token: await tokenOf(cluster.user) },
    administrator: { token: await tokenOf("administrator") },
    hostedCluster: { namespace: "clusters", name: "example" },
    controlPlaneNamespace: cluster.controlPlaneNamespace,
  };
});
afterAll(() => cluster.close());

async function tokenOf(user: string): Promise<string> {
  return stringAt(parse(await cluster.kubeconfig({ user })), "users", 0, "user", "token") ?? "";
}

describeManagementCluster("embedded", () => contract);
