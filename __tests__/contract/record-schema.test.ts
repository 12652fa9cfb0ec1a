import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseRecord, renderRecord, type SnapshotRecord } from "../../src/snapshot/record.ts";
import { findUndescribed, findUnused, findViolations, type Schema } from "./json-schema.ts";

const schema = JSON.parse(readFileSync(join(import.meta.dirname, "../../docs/record.schema.json"), "utf8")) as Schema;

type Whole<T> = T extends readonly (infer Item)[]
  ? readonly Whole<Item>[]
  : T extends object
    ? { readonly [Field in keyof T]-?: Whole<T[Field]> }
    : T;

/** Every field that a record can have; the type makes a new one impossible to forget. */
const record: Whole<Omit<SnapshotRecord, "networking">> & Required<Pick<SnapshotRecord, "networking">> = {
  schemaVersion: 1,
  createdAt: "2026-11-24T12:01:00Z",
  nonce: "0123456789abcdef0123456789abcdef",
  action: { version: "0.1.0" },
  run: {
    repository: "example/clusters",
    workflow: "nightly",
    runId: "7001",
    runAttempt: "1",
    url: "https://x.example",
  },
  hostedCluster: {
    namespace: "clusters",
    name: "example",
    uid: "c0ffee00-0000-4000-8000-000000000000",
    controlPlaneNamespace: "clusters-example",
    infraID: "example-abcde",
    clusterID: "c0ffee00-0000-4000-8000-000000000001",
    baseDomain: "example.com",
    platform: "AWS",
    releaseImage: "quay.example/release:4.20.1",
    releaseVersion: "4.20.1",
    availabilityPolicy: "HighlyAvailable",
    services: [{ service: "APIServer", hostname: "api.example.com" }],
  },
  quiesced: true,
  apiDowntimeSeconds: 12.3,
  pausedAt: "2026-11-24T12:00:00Z",
  resumedAt: "2026-11-24T12:00:30Z",
  snapshots: [
    {
      uri: "s3://backups/clusters/example/20261124T120000Z-01234567.db",
      versionId: "v1",
      sizeBytes: 20_512,
      sha256: "ab".repeat(32),
      revision: 4711,
      entries: 100,
      liveKeys: 90,
      hash: "0a1b2c3d",
      hashKV: { revision: 4711, compactRevision: -1, hash: 12_345 },
      etcdVersion: "3.6.5",
      storageVersion: "3.6.0",
      member: { name: "etcd-0", id: "8e9e05c52164694d" },
      clusterId: "cdf818194e3a8c32",
    },
  ],
  members: [{ name: "etcd-0", id: "8e9e05c52164694d", revision: 4711, hashKV: 12_345 }],
  issuerURL: "https://issuer.example",
  networking: { clusterNetwork: [{ cidr: "10.132.0.0/14" }] },
  encryption: {
    type: "aescbc",
    secretName: "example-etcd-encryption-key",
    secretNamespace: "clusters",
    keys: [{ name: "key-2835225111", sha256: "cd".repeat(32), role: "active" }],
  },
  proofs: { trailer: true, readBack: true },
};

const written: unknown = JSON.parse(renderRecord(record).toString());

test("the schema describes every field of a record, and no other", () => {
  expect(findViolations(written, schema)).toStrictEqual([]);
  expect(findUndescribed(written, schema)).toStrictEqual([]);
  expect(findUnused(written, schema)).toStrictEqual([]);
});

test("the record of the example can be read", () => {
  expect(parseRecord(renderRecord(record).toString(), "s3://b/a.json")).toStrictEqual(written);
});

test.each<[string, Partial<Record<keyof SnapshotRecord, unknown>>]>([
  ["another version", { schemaVersion: 2 }],
  ["no snapshot", { snapshots: [] }],
  ["a time with fractions", { createdAt: "2026-11-24T12:01:00.000Z" }],
  ["a hash in upper case", { snapshots: [{ ...record.snapshots[0], sha256: "AB".repeat(32) }] }],
  ["an unknown encryption", { encryption: { type: "rot13" } }],
  ["no proofs", { proofs: {} }],
])("the schema refuses %s", (_, change) => {
  expect(findViolations({ ...record, ...change }, schema)).not.toStrictEqual([]);
});
