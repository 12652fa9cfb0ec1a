import { createHash } from "node:crypto";
import { readdirSync, writeFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { generateHybridIdentity } from "age-encryption";
import { describe, expect, test } from "vitest";
import { createFileSpools } from "../../../src/snapshots/spool.ts";
import type { SnapshotRecord } from "../../../src/snapshots/record.ts";
import { verifySnapshot } from "../../../src/verify/verify.ts";
import { createVerifyReport, type SnapshotPlace, type VerifyRequest } from "../../../src/verify/world.ts";
import { createMemoryLog, rejectedCode } from "../../unit/restore/expectations.ts";
import { buildSealed, recordSealed } from "../../unit/restore/sealed-builder.ts";
import { ageIdentity } from "../../world/sealing.ts";
import { createFolders } from "../../unit/restore/folders.ts";
import { newKey, oldKey } from "../../unit/restore/manifest-builder.ts";
import { createMemoryStore, type MemoryStoreOptions } from "../../unit/restore/memory-store.ts";
import {
  buildRecord,
  buildStored,
  figuresOfStored,
  fingerprint,
  oldEncryption,
  snapshot,
  snapshotBytes,
  snapshotUri,
} from "../../unit/restore/record-builder.ts";
import { encryptSecret } from "../../world/etcd/fill.ts";
import { breakPage } from "../../world/snapshot/database.ts";

const plain = Buffer.from("k8s\0Secret");
const now = Date.parse("2026-11-25T12:00:30Z");
const cluster = { namespace: "clusters", name: "tenant" };

interface Case {
  readonly store?: MemoryStoreOptions;
  readonly request?: Partial<VerifyRequest>;
  /** The time of the runner. */
  readonly wallMs?: number;
}

function prepare({ store: options = {}, request = {}, wallMs = now }: Case = {}) {
  const folders = createFolders();
  const store = createMemoryStore(options);
  const log = createMemoryLog();
  const secrets: Buffer[] = [];
  const report = createVerifyReport();
  const world = {
    clock: { wallMs: () => wallMs },
    log,
    environment: folders.environment,
    openSpool: createFileSpools(folders.temp),
    signal: new AbortController().signal,
    onSecret: (secret: Buffer) => void secrets.push(secret),
  };
  const asked = { encryptionKeys: [oldKey], identities: [], pins: {}, allowUnrecorded: false, ...request };
  const run = (place: SnapshotPlace = { kind: "stored", store, snapshot }) =>
    verifySnapshot(place, asked, world, report);
  return { ...folders, store, log, secrets, report, run };
}

/** The store has `bytes`, and a record that says so. */
async function storing(bytes: Buffer, parts: Parameters<typeof buildRecord>[0] = {}): Promise<MemoryStoreOptions> {
  const record = buildRecord({ ...parts, snapshot: { ...(await figuresOfStored(bytes)), ...parts.snapshot } });
  return { record, object: { sizeBytes: bytes.length }, bytes: [bytes] };
}

/** As storing, for bytes that are not a snapshot. */
function storingBroken(bytes: Buffer): MemoryStoreOptions {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const record = buildRecord({ snapshot: { sizeBytes: bytes.length, sha256 } });
  return { record, object: { sizeBytes: bytes.length }, bytes: [bytes] };
}

test.each([
  ["behind", -3],
  ["ahead", 3],
])("how old a stored snapshot is says the store's clock, and no runner's that is days %s", async (_, days) => {
  const wallMs = now + days * 86_400_000;
  await prepare({ wallMs, request: { maxAgeMs: 2 * 86_400_000 } }).run();
  expect(await rejectedCode(prepare({ wallMs, request: { maxAgeMs: 3_600_000 } }).run())).toBe("snapshot-too-old");
});

test("a stored snapshot that is what its record says is proven, and only read", async () => {
  const { run, report, store, temp } = prepare({
    request: { pins: { prefix: "prod", hostedCluster: cluster }, maxAgeMs: 86_400_000 },
  });
  await run();
  const [entry] = buildRecord().snapshots;
  expect(report).toMatchObject({
    hostedCluster: cluster,
    snapshotUri,
    recordUri: snapshotUri.replace(/\.db$/, ".json"),
    sizeBytes: snapshotBytes.length,
    sha256: entry?.sha256,
    revision: 77,
    etcdVersion: "3.5.26",
    createdAt: "2026-11-24T12:00:30Z",
    encryptionKeySecretName: "old-etcd-encryption-key",
    contents: { encrypted: { values: 2, checked: 2 }, resources: { secrets: { keys: 2 } } },
  });
  expect(store.asked.every((call) => /^(look|read) /.test(call))).toBe(true);
  expect(readdirSync(temp)).toEqual([]);
});

test("without the key its values are counted, and their key names held against the record", async () => {
  const { run, report } = prepare({ request: { encryptionKeys: [] } });
  await run();
  expect(report.contents?.encrypted).toMatchObject({ values: 2, checked: 0 });
  const foreign = await storing(buildStored(encryptSecret(plain, newKey)));
  const other = prepare({ store: foreign, request: { encryptionKeys: [] } });
  expect(await rejectedCode(other.run())).toBe("encryption-key-unproven");
});

describe("what is wrong has a code of its own, and sets no output", () => {
  const underOtherName = Buffer.from(
    encryptSecret(plain, oldKey)
      .toString("latin1")
      .replace(/key-\d+/, "key-1"),
    "latin1",
  );
  const rotten = Buffer.from(snapshotBytes);
  rotten[2_000] = 0x21;
  const ofKms = Buffer.from("k8s:enc:kms:v2:plugin:something");
  const none = { type: "none" } as const;
  const withNewKey = { ...oldEncryption, keys: [fingerprint(newKey, "active")] };

  test.each<[string, string, () => Case | Promise<Case>]>([
    ["a snapshot that is not there", "object-not-found", () => ({ store: { object: null } })],
    ["a snapshot without a record", "record-missing", () => ({ store: { record: null } })],
    ["one byte is another", "snapshot-changed", () => ({ store: { bytes: [rotten] } })],
    ["the end is missing", "snapshot-changed", () => ({ store: { bytes: [snapshotBytes.subarray(0, 4_000)] } })],
    [
      "a damaged page under right hashes",
      "snapshot-invalid",
      () => ({ store: storingBroken(breakPage(snapshotBytes)) }),
    ],
    ["no trailer", "snapshot-trailer-missing", () => ({ store: storingBroken(snapshotBytes.subarray(0, -32)) })],
    [
      "a wrong trailer under a right hash",
      "snapshot-invalid",
      () => ({ store: storingBroken(Buffer.concat([snapshotBytes.subarray(0, -32), Buffer.alloc(32)])) }),
    ],
    [
      "another revision in the record",
      "record-invalid",
      async () => ({ store: await storing(snapshotBytes, { snapshot: { revision: 78 } }) }),
    ],
    [
      "another HashKV in the record",
      "record-invalid",
      async () => ({
        store: await storing(snapshotBytes, { snapshot: { hashKV: { revision: 77, compactRevision: 74, hash: 1 } } }),
      }),
    ],
    [
      "resources that the file does not have",
      "record-invalid",
      () => ({ store: { record: JSON.stringify({ ...buildRecord(), contents: { secrets: 2, configmaps: 2 } }) } }),
    ],
    [
      "a key that the record does not name",
      "encryption-key-mismatch",
      () => ({ request: { encryptionKeys: [newKey] } }),
    ],
    [
      "values of another key than the recorded one",
      "encryption-key-unproven",
      async () => ({ store: await storing(buildStored(encryptSecret(plain, newKey))) }),
    ],
    [
      "values of the right key under another name",
      "encryption-key-unproven",
      async () => ({ store: await storing(buildStored(underOtherName)) }),
    ],
    [
      "a value of an earlier key beside those of the right one",
      "encryption-key-unproven",
      async () => ({ store: await storing(buildStored(encryptSecret(plain, oldKey), encryptSecret(plain, newKey))) }),
    ],
    [
      "a wrong key for a snapshot without a record",
      "encryption-key-unproven",
      () => ({ store: { record: null }, request: { allowUnrecorded: true, encryptionKeys: [newKey] } }),
    ],
    [
      "encrypted values where the record says none",
      "encryption-key-unproven",
      async () => ({ store: await storing(snapshotBytes, { encryption: none }), request: { encryptionKeys: [] } }),
    ],
    [
      "a record of another key, and none given",
      "encryption-key-unproven",
      async () => ({
        store: await storing(snapshotBytes, { encryption: withNewKey }),
        request: { encryptionKeys: [] },
      }),
    ],
    [
      "values of KMS where the record says aescbc, and the right key",
      "encryption-key-unproven",
      async () => ({ store: await storing(buildStored(encryptSecret(plain, oldKey), ofKms)) }),
    ],
    ["bytes that were not proven", "record-invalid", () => ({ store: { record: withProofs({ structure: false }) } })],
    [
      "members that had diverged",
      "members-diverged",
      () => ({ store: { record: withProofs({ membersAgree: false }) } }),
    ],
    [
      "keys that were not kept, and none given",
      "keys-unproven",
      () => ({ store: { record: withProofs({ keysProven: false }) }, request: { encryptionKeys: [] } }),
    ],
    ["an old snapshot", "snapshot-too-old", () => ({ request: { maxAgeMs: 86_399_000 } })],
    ["another folder", "pin-differs", () => ({ request: { pins: { prefix: "test" } } })],
    [
      "a record of another cluster",
      "pin-differs",
      () => ({
        store: { record: buildRecord({ hostedCluster: { name: "foreign" } }) },
        request: { pins: { hostedCluster: cluster } },
      }),
    ],
  ])("%s: %s", async (_, code, given) => {
    const { run, report } = prepare(await given());
    expect(await rejectedCode(run())).toBe(code);
    for (const output of ["snapshotUri", "recordUri", "sha256", "revision"]) expect(report).not.toHaveProperty(output);
  });

  test("a folder that is not pinned is not read", async () => {
    const { run, store } = prepare({ request: { pins: { prefix: "test" } } });
    await rejectedCode(run());
    expect(store.asked).toEqual([]);
  });

  test("values that the record calls lost are proven by their key", async () => {
    const { run, report } = prepare({ store: { record: withProofs({ keysProven: false }) } });
    await run();
    expect(report.contents?.encrypted.checked).toBe(2);
  });
});

describe("a file below the workspace", () => {
  function withFiles(files: Readonly<Record<string, Buffer | SnapshotRecord>>, request: Partial<VerifyRequest> = {}) {
    const prepared = prepare({ request });
    for (const [name, content] of Object.entries(files))
      writeFileSync(path.join(prepared.workspace, name), Buffer.isBuffer(content) ? content : JSON.stringify(content));
    return { ...prepared, verify: (file: string) => prepared.run({ kind: "file", path: file }) };
  }

  test("is proven against the record beside it", async () => {
    const { verify, report, store } = withFiles({ "a.db": snapshotBytes, "a.json": buildRecord() });
    await verify("a.db");
    expect(report).toMatchObject({ hostedCluster: cluster, revision: 77, etcdVersion: "3.5.26" });
    for (const output of ["snapshotUri", "recordUri"]) expect(report).not.toHaveProperty(output);
    expect(store.asked).toEqual([]);
  });

  test("of a record with several members, the entry of its name counts", async () => {
    const [entry] = buildRecord().snapshots;
    if (entry === undefined) throw new Error("no entry");
    const run = "20261124T120000Z-01234567";
    const snapshots = [
      { ...entry, uri: entry.uri.replace(".db", "-etcd-0.db"), sha256: "0".repeat(64) },
      { ...entry, uri: entry.uri.replace(".db", "-etcd-1.db") },
    ];
    const files = { [`${run}-etcd-1.db`]: snapshotBytes, [`${run}.json`]: { ...buildRecord(), snapshots } };
    await withFiles(files).verify(`${run}-etcd-1.db`);
    const renamed = withFiles({ "b.db": snapshotBytes, "b.json": { ...buildRecord(), snapshots } });
    expect(await rejectedCode(renamed.verify("b.db"))).toBe("record-invalid");
  });

  test("without a record is proven where that is allowed", async () => {
    expect(await rejectedCode(withFiles({ "a.db": snapshotBytes }).verify("a.db"))).toBe("record-missing");
    const { verify, report } = withFiles({ "a.db": snapshotBytes }, { allowUnrecorded: true });
    await verify("a.db");
    expect(report.revision).toBe(77);
    expect(report).not.toHaveProperty("etcdVersion");
  });

  test.each<[string, Buffer, string]>([
    ["damaged", breakPage(snapshotBytes), "snapshot-invalid"],
    ["of another backup", buildStored(plain), "snapshot-changed"],
    ["a copied database", snapshotBytes.subarray(0, -32), "snapshot-trailer-missing"],
  ])("that is %s is refused", async (_, bytes, code) => {
    expect(await rejectedCode(withFiles({ "a.db": bytes, "a.json": buildRecord() }).verify("a.db"))).toBe(code);
  });

  test.each(["absent.db", "../../elsewhere/a.db", "link.db", "folder.db"])(
    "%s is refused as an input",
    async (name) => {
      const { verify, workspace, outside } = withFiles({});
      writeFileSync(path.join(outside, "a.db"), snapshotBytes);
      symlinkSync(path.join(outside, "a.db"), path.join(workspace, "link.db"));
      symlinkSync(outside, path.join(workspace, "folder.db"));
      expect(await rejectedCode(verify(name))).toBe("input-invalid");
    },
  );

  test("is refused for a record that is a link", async () => {
    const { verify, workspace, outside } = withFiles({ "a.db": snapshotBytes }, { allowUnrecorded: true });
    writeFileSync(path.join(outside, "a.json"), JSON.stringify(buildRecord()));
    symlinkSync(path.join(outside, "a.json"), path.join(workspace, "a.json"));
    expect(await rejectedCode(verify("a.db"))).toBe("record-invalid");
  });
});

function withProofs(proofs: Partial<SnapshotRecord["proofs"]>): SnapshotRecord {
  return buildRecord({ proofs });
}

describe("the sealed key", () => {
  const request = { encryptionKeys: [], identities: [ageIdentity] };

  test("opens the values of a stored snapshot as the key itself would", async () => {
    const sealed = await buildSealed();
    const { run, report, secrets, log } = prepare({ store: { sealed, record: recordSealed(sealed) }, request });
    await run();
    expect(report.contents?.encrypted).toMatchObject({ values: 2, checked: 2 });
    expect(secrets).toEqual([oldKey]);
    expect(log.lines.join("\n")).toContain("opened with age-identity");
  });

  test("lies beside a file, too", async () => {
    const sealed = await buildSealed();
    const { run, report, workspace } = prepare({ request });
    writeFileSync(path.join(workspace, "a.db"), snapshotBytes);
    writeFileSync(path.join(workspace, "a.json"), JSON.stringify(recordSealed(sealed)));
    expect(await rejectedCode(run({ kind: "file", path: "a.db" }))).toBe("sealed-key-missing");
    writeFileSync(path.join(workspace, "a.key.age"), Buffer.alloc(600_000));
    expect(await rejectedCode(run({ kind: "file", path: "a.db" }))).toBe("sealed-key-invalid");
    writeFileSync(path.join(workspace, "a.key.age"), sealed);
    await run({ kind: "file", path: "a.db" });
    expect(report.contents?.encrypted).toMatchObject({ values: 2, checked: 2 });
  });

  test("that is missing, damaged, of another run or locked has a code of its own", async () => {
    const sealed = await buildSealed();
    const ofAnother = await buildSealed({ nonce: "f".repeat(32) });
    const record = recordSealed(sealed);
    const codes = await Promise.all(
      [
        prepare({ request }),
        prepare({ store: { sealed: sealed.subarray(1), record }, request }),
        prepare({ store: { sealed: ofAnother, record: recordSealed(ofAnother) }, request }),
        prepare({ store: { sealed, record }, request: { ...request, identities: [await generateHybridIdentity()] } }),
      ].map(({ run }) => rejectedCode(run())),
    );
    expect(codes).toEqual(["sealed-key-missing", "sealed-key-invalid", "sealed-key-differs", "age-identity-mismatch"]);
  });

  test("is not asked for beside encryption-key", async () => {
    const { run, store } = prepare({ request: { identities: [ageIdentity] } });
    await run();
    expect(store.asked.join()).not.toContain(".key.age");
  });
});
