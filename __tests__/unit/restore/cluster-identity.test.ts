import { expect, test } from "vitest";
import { parseHostedCluster } from "../../../src/hypershift/hosted-cluster.ts";
import { checkIdentity } from "../../../src/restore/cluster-identity.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { codeOf, createMemoryLog } from "./expectations.ts";
import { buildCluster, type ManifestParts } from "./manifest-builder.ts";
import { buildRecord, type RecordParts } from "./record-builder.ts";

function check(record: RecordParts, manifest: ManifestParts = {}): readonly string[] {
  const [document] = parseManifest(Buffer.from(buildCluster(manifest)));
  const log = createMemoryLog();
  checkIdentity(buildRecord(record), parseHostedCluster(document?.value), log);
  return log.warnings;
}

test.each<[string, RecordParts, ManifestParts]>([
  ["infraID", {}, { infraID: "tenant-other" }],
  ["clusterID", { hostedCluster: { clusterID: "one" } }, { spec: ["  clusterID: other"] }],
])("another %s than the snapshot's is refused", (_, record, manifest) => {
  expect(codeOf(() => check(record, manifest))).toBe("hosted-cluster-differs");
});

test("what the snapshot's cluster was, as far as the record says, needs no warning", () => {
  expect(
    check(
      {
        hostedCluster: { clusterID: "one", baseDomain: "tenants.example", platform: "None" },
        issuerURL: "https://issuer.example",
        networking: {
          clusterNetwork: [{ cidr: "10.132.0.0/14", hostPrefix: 23 }],
          serviceNetwork: [{ cidr: "172.31.0.0/16" }],
        },
      },
      { spec: ["  clusterID: one", "  issuerURL: https://issuer.example"] },
    ),
  ).toEqual([]);
});

test("a manifest without an issuer gets the one that the API gives it", () => {
  const record = { hostedCluster: { clusterID: "one" }, issuerURL: "https://kubernetes.default.svc" };
  expect(check(record, { spec: ["  clusterID: one"] })).toEqual([]);
});

test.each<[string, RecordParts, ManifestParts]>([
  ["spec.infraID", {}, { infraID: "" }],
  ["spec.clusterID", { hostedCluster: { clusterID: "one" } }, {}],
  ["metadata.name", {}, { name: "other" }],
  ["metadata.namespace", {}, { namespace: "other" }],
  ["spec.dns.baseDomain", { hostedCluster: { baseDomain: "old.example" } }, {}],
  ["spec.platform.type", { hostedCluster: { platform: "AWS" } }, {}],
  ["spec.issuerURL", { issuerURL: "https://old.example" }, {}],
  ["spec.networking.clusterNetwork", { networking: { clusterNetwork: [{ cidr: "10.128.0.0/14" }] } }, {}],
  ["spec.networking.serviceNetwork", { networking: { serviceNetwork: [{ cidr: "10.0.0.0/16" }] } }, {}],
  ["spec.networking.machineNetwork", { networking: { machineNetwork: [{ cidr: "10.1.0.0/16" }] } }, {}],
  ["APIServer", { hostedCluster: { services: [{ service: "APIServer", hostname: "api.old.example" }] } }, {}],
])("a difference in %s is a warning that names it", (field, record, manifest) => {
  expect(check(record, manifest)).toEqual([expect.stringContaining(field)]);
});
