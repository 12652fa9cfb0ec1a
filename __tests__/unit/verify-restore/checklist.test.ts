import { expect, test } from "vitest";
import { parseHostedCluster, parseHostedControlPlane } from "../../../src/hypershift/hosted-cluster.ts";
import { listLeft, listOddConditions } from "../../../src/verify-restore/checklist.ts";
import { buildRecord } from "../restore/record-builder.ts";
import { readBytes } from "../../world/snapshot/read.ts";
import { buildSnapshot } from "../../world/snapshot/snapshot.ts";

const nodes = ["a", "b"].map((name, index) => ({
  main: index + 2,
  key: `/kubernetes.io/minions/${name}`,
  value: "k8s\0",
}));
const stored = await readBytes(buildSnapshot({ changes: nodes }));
const record = buildRecord({ hostedCluster: { uid: "old", clusterID: "c1", availabilityPolicy: "HighlyAvailable" } });

function left(spec: object, uid = "new"): string {
  const hostedCluster = parseHostedCluster({ metadata: { uid }, spec });
  return listLeft(hostedCluster, { record, stored }).join("\n");
}

const fixed = {
  service: "APIServer",
  servicePublishingStrategy: { type: "Route", route: { hostname: "api.example.com" } },
};
const loadBalancer = { service: "OAuthServer", servicePublishingStrategy: { type: "LoadBalancer" } };

test.each([
  ["AWS", /hypershift fix dr-oidc-iam/],
  ["Azure", /federated credentials/],
  ["KubeVirt", /virtual machines are made anew/],
  ["Agent", /released and bound again/],
])("on %s it names what is left there", (type, line) => {
  expect(left({ platform: { type } })).toMatch(line);
  expect(left({ platform: { type: "None" } })).not.toMatch(line);
});

test("services without a fixed host name are named", () => {
  expect(left({ services: [fixed, loadBalancer] })).toContain("without a fixed host name (OAuthServer)");
  expect(left({ services: [fixed] })).not.toContain("without a fixed host name");
});

test("Node objects of the snapshot are counted, since NodePools make new nodes", () => {
  expect(left({})).toContain("2 Node objects of the snapshot are of the old ones");
});

test("backups of the new uid need their rights again, and another clusterID another folder", () => {
  expect(left({ clusterID: "c1" })).toContain("apply docs/rbac.yaml again");
  expect(left({ clusterID: "c1" }, "old")).not.toContain("backups:");
  expect(left({ clusterID: "c2" })).toContain("s3-prefix of their own");
});

test("a lost signing key and a lost availability are told", () => {
  expect(left({})).toContain("spec.serviceAccountSigningKey is not set");
  expect(left({ serviceAccountSigningKey: { name: "kept" } })).toContain('names "kept"');
  expect(left({ controllerAvailabilityPolicy: "SingleReplica" })).toContain("cannot be changed later");
  expect(left({ controllerAvailabilityPolicy: "HighlyAvailable" })).not.toContain("cannot be changed later");
});

test("conditions are told that are not as where all is well, and no others", () => {
  const condition = (type: string, status: string) => ({ type, status, reason: "Because" });
  const hostedCluster = parseHostedCluster({
    status: {
      conditions: [condition("Available", "True"), condition("Degraded", "True"), condition("Unheard", "False")],
    },
  });
  const controlPlane = parseHostedControlPlane({ status: { conditions: [condition("EtcdAvailable", "Unknown")] } });
  expect(listOddConditions(hostedCluster, controlPlane)).toEqual([
    "HostedCluster: Degraded is True (Because)",
    "HostedControlPlane: EtcdAvailable is Unknown (Because)",
  ]);
});
