import { afterAll, beforeAll } from "vitest";
import { startManagementCluster, type ManagementCluster } from "../management-cluster/management-cluster.ts";
import { describeManagementCluster, type ContractCluster } from "./management-cluster-contract.ts";
import { openContract, rulesWithAdministrator } from "./management-cluster/embedded.ts";

let cluster: ManagementCluster;
let contract: ContractCluster;

beforeAll(async () => {
  cluster = await startManagementCluster({
    rules: rulesWithAdministrator(),
    // At rest: nobody puts a deployment back. Pods end slowly enough to be seen.
    switches: { hypershiftOperator: "dead", controlPlaneOperator: "dead", drainMs: 5_000 },
  });
  contract = await openContract(cluster);
});
afterAll(() => cluster.close());

describeManagementCluster("embedded", () => contract);
