import { describe, expect, test } from "vitest";
import { ActionError, type ErrorCode } from "../../../src/errors.ts";
import {
  aescbc,
  buildCluster,
  buildManifest,
  buildSecret,
  managedEtcd,
  newKey,
  oldKey,
} from "../../unit/restore/manifest-builder.ts";
import {
  buildRecord,
  fingerprint,
  oldEncryption,
  snapshotBytes,
  snapshotUri,
} from "../../unit/restore/record-builder.ts";
import { prepare, type Case } from "./rendering.ts";

/** What is wrong, its code, a word that the message must have, and the case. */
type Row = readonly [wrong: string, code: ErrorCode, word: string, given: Case];

const withSpec = (...spec: readonly string[]): Case => ({ manifest: buildManifest({ spec }) });
const withMetadata = (line: string): Case => ({
  manifest: buildCluster().replace("metadata:\n", `metadata:\n  ${line}\n`),
});
const withEtcd = (...etcd: readonly string[]): Case => ({ manifest: buildManifest({ etcd }) });
const withRelease = (version: string, policy: "SingleReplica" | "HighlyAvailable" = "SingleReplica"): Case => ({
  manifest: buildManifest({ release: `r.example/ocp:${version}`, policy }),
});
const after = (text: string): Case => ({ manifest: buildManifest() + text });
const withKeys = (...encryptionKeys: readonly Buffer[]): Case => ({ request: { encryptionKeys } });
const withRecord = (record: NonNullable<Case["store"]>["record"]): Case => ({ store: { record: record ?? null } });
const changed = (change: object): Case => withRecord(JSON.stringify({ ...buildRecord(), ...change }));
const entry = (change: object): Case => changed({ snapshots: [{ ...buildRecord().snapshots[0], ...change }] });
const gib = 1024 ** 3;
const twoKeys = { ...oldEncryption, keys: [fingerprint(oldKey, "active"), fingerprint(newKey, "backup")] };
const backup = (name: string): readonly string[] =>
  aescbc("a").toSpliced(4, 0, "      backupKey:", `        name: ${name}`);
const kms = ["  secretEncryption:", "    kms:", "      provider: AWS", "    type: kms"];

const texts: readonly Row[] = [
  ["Latin-1", "manifest-invalid", "UTF-8", { manifest: Buffer.from("a: \u00ff", "latin1") }],
  ["2 MiB", "manifest-invalid", "1 MiB", { manifest: `# ${"x".repeat(2 ** 21)}` }],
  ["300 documents", "manifest-invalid", "documents", { manifest: "kind: A\n---\n".repeat(300) }],
  ["a syntax error", "manifest-invalid", "line", { manifest: "a: [1" }],
  ["a key twice", "manifest-invalid", "twice", after("kind: A\nkind: B\n")],
  ["an alias", "manifest-invalid", "alias", after("kind: &a A\napiVersion: *a\n")],
  ["a merge key", "manifest-invalid", "merge", after("<<: {kind: A}\n")],
  ["a tag", "manifest-invalid", "tag", after("kind: !!str A\n")],
  ["a byte order mark in the middle", "manifest-invalid", "control", after(`\ufeff${buildCluster({ name: "b" })}`)],
  [
    "a separator that only kubectl sees",
    "manifest-invalid",
    "separator",
    after(`---#x\n${buildCluster({ name: "b" })}`),
  ],
  ["a key that is a boolean", "manifest-invalid", "not text", after("kind: A\nyes: b\n")],
  ["a bare carriage return", "manifest-invalid", "control", after("# x\rkind: HostedCluster\n")],
  ["a megabyte of brackets", "manifest-invalid", "fields", { manifest: "[".repeat(1_000_000) }],
  ["text", "manifest-invalid", "fields", { manifest: "words\n" }],
  ["nothing", "manifest-unsuitable", "is empty", { manifest: "" }],
  ["no HostedCluster", "manifest-unsuitable", "no HostedCluster", { manifest: buildSecret() }],
  ["two HostedClusters", "manifest-unsuitable", "2 HostedClusters", after(buildCluster({ name: "b" }))],
  ["a list", "manifest-unsuitable", "list", after("apiVersion: v1\nkind: List\nitems: []\n")],
  ["a document without kind", "manifest-unsuitable", "kind", after("apiVersion: v1\n")],
  [
    "another apiVersion",
    "manifest-unsuitable",
    "apiVersion",
    { manifest: buildCluster().replace("v1beta1", "v1alpha1") },
  ],
  ["no name", "manifest-unsuitable", "metadata.name", { manifest: buildManifest({ name: "" }) }],
  ["a name that is a number", "manifest-unsuitable", "metadata.name", { manifest: buildManifest({ name: "12" }) }],
  ["no namespace", "manifest-unsuitable", "metadata.namespace", { manifest: buildManifest({ namespace: "" }) }],
];

const clusters: readonly Row[] = [
  ["paused for ever", "manifest-unsuitable", "pausedUntil", withSpec('  pausedUntil: "true"')],
  ["paused until a date", "manifest-unsuitable", "pausedUntil", withSpec('  pausedUntil: "2099-01-01T00:00:00Z"')],
  ["exported with uid", "manifest-unsuitable", "uid", withMetadata("uid: a")],
  ["exported with resourceVersion", "manifest-unsuitable", "resourceVersion", withMetadata("resourceVersion: '1'")],
  ["exported with a finalizer", "manifest-unsuitable", "finalizers", withMetadata("finalizers: [a]")],
  ["exported with owners", "manifest-unsuitable", "ownerReferences", withMetadata("ownerReferences: [{}]")],
  [
    "exported with a journal",
    "manifest-unsuitable",
    "journal",
    withMetadata("annotations: {hypershift-etcd-backup-action/journal: '{}'}"),
  ],
  [
    "restoring from another snapshot",
    "manifest-unsuitable",
    "another snapshot",
    withEtcd(...managedEtcd.toSpliced(3, 0, '        restoreSnapshotURL: ["https://other.example/a.db"]')),
  ],
  [
    "restoring from two snapshots",
    "manifest-unsuitable",
    "another snapshot",
    withEtcd(
      ...managedEtcd.toSpliced(
        3,
        0,
        '        restoreSnapshotURL: ["https://a.example/a.db", "https://a.example/b.db"]',
      ),
    ),
  ],
  [
    "with text where the reference to a key belongs",
    "manifest-unsuitable",
    "laid out",
    { manifest: buildManifest({ encryption: ["  secretEncryption: {type: aescbc, aescbc: {activeKey: mine}}"] }) },
  ],
  ["with another infraID", "hosted-cluster-differs", "infraID", { manifest: buildManifest({ infraID: "b" }) }],
  [
    "with an infraID that is a number",
    "hosted-cluster-differs",
    "infraID",
    { manifest: buildManifest({ infraID: "7" }) },
  ],
  [
    "with another clusterID",
    "hosted-cluster-differs",
    "clusterID",
    { ...withSpec("  clusterID: b"), ...withRecord(buildRecord({ hostedCluster: { clusterID: "a" } })) },
  ],
  ["of another name", "hosted-cluster-differs", "metadata.name", { manifest: buildManifest({ name: "b" }) }],
  ["in another namespace", "hosted-cluster-differs", "namespace", { manifest: buildManifest({ namespace: "b" }) }],
  ["with an etcd of others", "etcd-unmanaged", "Unmanaged", withEtcd("  etcd: {managementType: Unmanaged}")],
  ["without etcd", "etcd-unmanaged", "managementType", withEtcd()],
  ["in shards", "etcd-unmanaged", "shards", withEtcd(...managedEtcd.toSpliced(2, 0, "      shards: [{name: a}]"))],
  ["without storage", "manifest-unsuitable", "storage", withEtcd("  etcd: {managed: {}, managementType: Managed}")],
  ["on a small volume", "volume-too-small", "volume", withEtcd(...managedEtcd.with(4, "          size: 10Mi"))],
  [
    "that a snapshot fills to its quota",
    "etcd-over-quota",
    "NOSPACE",
    {
      store: { ...entry({ sizeBytes: 9 * gib }).store, object: { sizeBytes: 9 * gib } },
      ...withEtcd(...managedEtcd.with(4, "          size: 100Gi")),
    },
  ],
  ["of an older patch", "release-older", "4.20.2", withRelease("4.20.2")],
  ["of an older minor", "release-older", "4.19.9", withRelease("4.19.9")],
  ["of an older candidate", "release-older", "4.20.3-rc.1", withRelease("4.20.3-rc.1")],
  ["of 4.21", "release-cannot-restore", "4.21.5", withRelease("4.21.5")],
  ["with three members", "etcd-would-split", "4.20.3", withRelease("4.20.3", "HighlyAvailable")],
  ["with three members of 5.0", "etcd-would-split", "5.0.9", withRelease("5.0.9", "HighlyAvailable")],
  ["of an unknown release with three members", "etcd-would-split", "latest", withRelease("latest", "HighlyAvailable")],
  ["with etcd 3.5 for 3.6", "etcd-older", "3.6.5", entry({ etcdVersion: "3.6.5" })],
];

const keys: readonly Row[] = [
  ["another one", "encryption-key-mismatch", "key-", withKeys(newKey)],
  ["none", "encryption-key-mismatch", "not the snapshot's", withKeys()],
  [
    "none, and no Secret",
    "encryption-key-mismatch",
    "not set",
    { ...withKeys(), manifest: buildManifest({ secret: null }) },
  ],
  ["the first bytes of it", "encryption-key-mismatch", "key-", withKeys(oldKey.subarray(0, 16))],
  ["its base64 as bytes", "encryption-key-mismatch", "key-", withKeys(Buffer.from(oldKey.toString("base64")))],
  ["one too many", "encryption-key-mismatch", "not of the snapshot", withKeys(oldKey, newKey)],
  [
    "one, where two are recorded",
    "encryption-key-mismatch",
    "backupKey",
    withRecord(buildRecord({ encryption: twoKeys })),
  ],
  [
    "one, where the Secret of the second is missing",
    "encryption-key-mismatch",
    "second key",
    { ...withRecord(buildRecord({ encryption: twoKeys })), manifest: buildManifest({ encryption: backup("b") }) },
  ],
  [
    "two in one Secret",
    "manifest-unsuitable",
    "one Secret",
    {
      ...withRecord(buildRecord({ encryption: twoKeys })),
      ...withKeys(oldKey, newKey),
      manifest: buildManifest({ encryption: backup("a") }),
    },
  ],
  [
    "one, for a snapshot in clear",
    "encryption-key-mismatch",
    "no key",
    withRecord(buildRecord({ encryption: { type: "none" } })),
  ],
  ["one, for a manifest in clear", "encryption-type-mismatch", "none", { manifest: buildManifest({ encryption: [] }) }],
  ["one, for a manifest with KMS", "encryption-type-mismatch", "kms", { manifest: buildManifest({ encryption: kms }) }],
  [
    "none, for KMS against aescbc",
    "encryption-type-mismatch",
    "aescbc",
    { ...withKeys(), ...withRecord(buildRecord({ encryption: { type: "kms" } })) },
  ],
  [
    "in a Secret that is there twice",
    "manifest-unsuitable",
    "more than once",
    { manifest: buildManifest() + buildSecret() },
  ],
  [
    "in a Secret of no name",
    "manifest-unsuitable",
    "name",
    { manifest: buildManifest({ encryption: aescbc('"a/b"') }) },
  ],
];

const records: readonly Row[] = [
  ["none", "record-missing", "record", withRecord(null)],
  ["no JSON", "record-invalid", "JSON", withRecord("{")],
  ["a list", "record-invalid", "field", withRecord("[]")],
  ["of another version", "record-invalid", "schemaVersion 2", changed({ schemaVersion: 2 })],
  ["of 2 MiB", "record-invalid", "bytes", changed({ x: "x".repeat(2 ** 21) })],
  ["without proofs", "record-invalid", "proofs", changed({ proofs: undefined })],
  ["of a failed trailer", "record-invalid", "trailer", changed({ proofs: { trailer: false, readBack: true } })],
  ["of a failed read", "record-invalid", "readBack", changed({ proofs: { trailer: true, readBack: false } })],
  ["of a broken structure", "record-invalid", "structure", withRecord(buildRecord({ proofs: { structure: false } }))],
  ["of diverged members", "members-diverged", "diverged", withRecord(buildRecord({ proofs: { membersAgree: false } }))],
  ["of unproven keys", "keys-unproven", "key", withRecord(buildRecord({ proofs: { keysProven: false } }))],
  ["with keys that are an object", "record-invalid", "keys", changed({ encryption: { type: "aescbc", keys: {} } })],
  ["without an active key", "record-invalid", "active", changed({ encryption: { type: "aescbc" } })],
  ["with a version for a shell", "record-invalid", "etcdVersion", entry({ etcdVersion: "3.5.1`id`" })],
  ["with a hash in upper case", "record-invalid", "sha256", entry({ sha256: "A".repeat(64) })],
  ["of another object", "record-invalid", "not about", entry({ uri: "s3://backups/b.db" })],
  ["of another length", "snapshot-changed", "bytes", entry({ sizeBytes: 5_000 })],
  ["of another hash", "snapshot-changed", "bytes", entry({ sha256: "0".repeat(64) })],
  ["of another version of the object", "snapshot-changed", "again", entry({ versionId: "b" })],
  ["older than max-age", "snapshot-too-old", "max-age", { request: { maxAgeMs: 3_600_000 } }],
];

const stored: readonly Row[] = [
  ["no object", "object-not-found", "no snapshot", { store: { object: null } }],
  ["an object of another run", "snapshot-changed", "again", { store: { object: { metadata: {} } } }],
  ["a short object", "snapshot-changed", "only", { store: { bytes: [snapshotBytes.subarray(1)] } }],
  ["a long object", "snapshot-changed", "more than", { store: { bytes: [snapshotBytes, snapshotBytes] } }],
  [
    "a rotten object",
    "snapshot-changed",
    "not the recorded one",
    { store: { bytes: [Buffer.alloc(snapshotBytes.length)] } },
  ],
  [
    "a file of no etcd",
    "snapshot-invalid",
    "SHA-256",
    { store: { record: null, bytes: [Buffer.alloc(snapshotBytes.length)] }, request: { allowUnrecorded: true } },
  ],
  ["a URL over http", "snapshot-url-not-https", "https", { store: { url: "http://store.example/a" } }],
  ["a URL of s3", "snapshot-url-not-https", "https", { store: { url: "s3://backups/a.db" } }],
  [
    "a URL that is too long",
    "snapshot-url-too-long",
    "of host and path",
    { store: { url: `https://a.example/${"a".repeat(1_024)}` } },
  ],
  ["a URL of another object", "snapshot-url-rejected", "1 bytes", { store: { urlBytes: 1 } }],
  [
    "credentials that end before",
    "snapshot-url-expires",
    "08:30",
    { store: { credentialsEnd: new Date("2026-11-25T08:30:00Z") } },
  ],
  ["another prefix", "pin-differs", "s3-prefix", { request: { pins: { prefix: "test" } } }],
  [
    "another cluster",
    "restore-refused",
    "pin-differs",
    { request: { pins: { hostedCluster: { namespace: "clusters", name: "b" } } } },
  ],
  ["the manifest as output", "output-refused", "manifest itself", { request: { output: "cluster.yaml" } }],
  ["an output outside", "output-refused", "outside", { request: { output: "../../out.yaml" } }],
  ["a manifest outside", "manifest-invalid", "outside", { request: { manifest: "../cluster.yaml" } }],
  ["no manifest", "manifest-invalid", "does not exist", { request: { manifest: "b.yaml" } }],
];

describe.each([
  ["a manifest's text", texts],
  ["a manifest's cluster", clusters],
  ["a key", keys],
  ["a record", records],
  ["store, URL, pin or path", stored],
])("wrong: %s", (_, rows) => {
  test.each(rows)("%s is %s, and nothing is written", async (_wrong, code, word, given) => {
    const { run, written, log, report } = prepare(given);
    const error: unknown = await run().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ActionError);
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(word);
    expect(written()).toEqual([]);
    // One table for log and report: a refusal that is a finding stands in both.
    for (const { text } of report.findings) expect(log.lines.join("\n")).toContain(text);
  });
});

test("at least eighty of them, and all begin from a restore that succeeds", async () => {
  expect(texts.length + clusters.length + keys.length + records.length + stored.length).toBeGreaterThanOrEqual(80);
  expect((await prepare().run()).snapshotUri).toBe(snapshotUri);
});
