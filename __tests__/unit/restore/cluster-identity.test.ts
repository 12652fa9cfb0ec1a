import { expect, test } from "vitest";
import { parseHostedCluster } from "../../../src/hypershift/hosted-cluster.ts";
import { compareIdentity, listFilledIds } from "../../../src/restore/cluster-identity.ts";
import type { Finding } from "../../../src/restore/findings.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { refusalsOf, warningsOf } from "./expectations.ts";
import { buildCluster, type ManifestParts } from "./manifest-builder.ts";
import { buildRecord, type RecordParts } from "./record-builder.ts";

function compare(record: RecordParts, manifest: ManifestParts = {}): readonly Finding[] {
  const [document] = parseManifest(Buffer.from(buildCluster(manifest)));
  return compareIdentity(buildRecord(record), parseHostedCluster(document?.value), document?.value);
}

test.each<[string, RecordParts, ManifestParts]>([
  ["infraID", {}, { infraID: "tenant-other" }],
  ["infraID that kubectl reads as a number", {}, { infraID: "1e3" }],
  ["clusterID", { hostedCluster: { clusterID: "one" } }, { spec: ["  clusterID: other"] }],
  ["name", {}, { name: "other" }],
  ["namespace", {}, { namespace: "attacker" }],
])("another %s than the snapshot's is refused", (_, record, manifest) => {
  expect(refusalsOf(compare(record, manifest))).toEqual(["hosted-cluster-differs"]);
});

test("every id that differs is told, not the first alone", () => {
  const findings = compare({}, { name: "other", namespace: "attacker", infraID: "x" });
  expect(refusalsOf(findings)).toHaveLength(3);
});

test("ids that the manifest leaves empty are filled from the record", () => {
  const record = { hostedCluster: { clusterID: "one" } };
  for (const infraID of ["", '""', "null", "~"]) {
    const findings = compare(record, { infraID });
    expect(findings.filter(({ verdict }) => verdict === "filled")).toHaveLength(2);
    expect(listFilledIds(buildRecord(record), findings)).toEqual({ infraID: "tenant-x7k2p", clusterID: "one" });
  }
});

test("what the snapshot's cluster was, as far as the record says, is equal", () => {
  const findings = compare(
    {
      hostedCluster: {
        clusterID: "one",
        baseDomain: "tenants.example",
        platform: "None",
        availabilityPolicy: "SingleReplica",
      },
      issuerURL: "https://issuer.example",
      networking: {
        clusterNetwork: [{ cidr: "10.132.0.0/14", hostPrefix: 23 }],
        serviceNetwork: [{ cidr: "172.31.0.0/16" }],
      },
    },
    { spec: ["  clusterID: one", "  issuerURL: https://issuer.example"] },
  );
  expect(findings.map(({ verdict }) => verdict)).toEqual(Array.from({ length: 10 }, () => "equal"));
});

test("a manifest without an issuer gets the one that the API gives it", () => {
  expect(warningsOf(compare({ issuerURL: "https://kubernetes.default.svc" }))).toEqual([]);
});

test.each<[string, RecordParts]>([
  ["spec.dns.baseDomain", { hostedCluster: { baseDomain: "old.example" } }],
  ["spec.platform.type", { hostedCluster: { platform: "AWS" } }],
  ["spec.controllerAvailabilityPolicy", { hostedCluster: { availabilityPolicy: "HighlyAvailable" } }],
  ["spec.issuerURL", { issuerURL: "https://old.example" }],
  ["spec.networking.clusterNetwork", { networking: { clusterNetwork: [{ cidr: "10.128.0.0/14" }] } }],
  ["spec.networking.serviceNetwork", { networking: { serviceNetwork: [{ cidr: "10.0.0.0/16" }] } }],
  ["spec.networking.machineNetwork", { networking: { machineNetwork: [{ cidr: "10.1.0.0/16" }] } }],
  [
    "the hostname of spec.services APIServer",
    { hostedCluster: { services: [{ service: "APIServer", hostname: "api.old.example" }] } },
  ],
])("a difference in %s is told", (field, record) => {
  expect(warningsOf(compare(record))).toEqual([field]);
});
