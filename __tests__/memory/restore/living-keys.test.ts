import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ActionError } from "../../../src/errors.ts";
import { parseHostedCluster } from "../../../src/hypershift/hosted-cluster.ts";
import type { RestoreWorld } from "../../../src/restore/world.ts";
import { rejectedCode, rejectedError } from "../../unit/restore/expectations.ts";
import { aescbc, buildManifest, newKey, oldKey, readObjects } from "../../unit/restore/manifest-builder.ts";
import {
  buildRecord,
  fingerprint,
  buildStored,
  figuresOfStored,
  oldEncryption,
  type RecordParts,
} from "../../unit/restore/record-builder.ts";
import { buildSealed, recordSealed } from "../../unit/restore/sealed-builder.ts";
import { ageIdentity } from "../../world/sealing.ts";
import { encryptSecret } from "../../world/etcd/fill.ts";
import { prepare, type Case } from "./rendering.ts";

const signer = Buffer.from("-----BEGIN RSA PRIVATE KEY-----\nold\n-----END RSA PRIVATE KEY-----\n");
const sha256 = createHash("sha256").update(signer).digest("hex");

interface Living {
  /** Lines of spec of the HostedCluster; null where it is deleted. */
  readonly spec?: object | null;
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, Buffer>>>>;
  /** Names of Secrets that may not be read. */
  readonly denied?: readonly string[];
}

const byName = { secretEncryption: { type: "aescbc", aescbc: { activeKey: { name: "old-etcd-encryption-key" } } } };
const withKey = { "old-etcd-encryption-key": { key: oldKey } };

/** A management cluster that knows one hosted cluster, and the Secrets beside it. */
function createLiving({ spec = byName, secrets = withKey, denied = [] }: Living = {}) {
  const asked: string[] = [];
  const cluster: NonNullable<RestoreWorld["cluster"]> = {
    findHostedCluster: (wanted) => {
      asked.push(`hostedcluster ${wanted.namespace}/${wanted.name}`);
      const value = spec === null ? undefined : parseHostedCluster({ metadata: wanted, spec });
      return Promise.resolve(value && { ...value, answeredAt: new Date(0) });
    },
    findSecret: ({ namespace, name }) => {
      asked.push(`secret ${namespace}/${name}`);
      if (denied.includes(name))
        return Promise.reject(new ActionError("permission-missing", `this user may not get Secret ${name}`));
      return Promise.resolve(secrets[name]);
    },
  };
  return { cluster, asked };
}

/** A restore without encryption-key, with a kubeconfig. */
function prepareLiving(living: Living = {}, { request = {}, ...given }: Case = {}) {
  const { cluster, asked } = createLiving(living);
  const restore = prepare({ ...given, cluster, request: { encryptionKeys: [], ...request } });
  const secretNamed = (name: string): unknown =>
    readObjects(restore.written().join("")).find(
      (object) => Reflect.get(Reflect.get(object as object, "metadata") as object, "name") === name,
    );
  return { ...restore, asked, text: () => restore.log.lines.join("\n"), secretNamed };
}

/** A snapshot with values of two keys, and the record of a rotation. */
async function rotating(parts: RecordParts = {}) {
  const plain = Buffer.from("k8s\0Secret");
  const bytes = buildStored(encryptSecret(plain, newKey), encryptSecret(plain, oldKey));
  const keys = [fingerprint(newKey, "active"), fingerprint(oldKey, "backup")];
  const record = buildRecord({
    encryption: { ...oldEncryption, keys },
    snapshot: await figuresOfStored(bytes),
    ...parts,
  });
  return { record, object: { sizeBytes: bytes.length }, bytes: [bytes] };
}

const twoSecrets = {
  secretEncryption: { type: "aescbc", aescbc: { activeKey: { name: "now" }, backupKey: { name: "before" } } },
};
const twoNames = buildManifest({
  encryption: aescbc("active-key").toSpliced(4, 0, "      backupKey:", "        name: backup-key"),
});

test("the key of the living cluster's Secret is taken, proven and rendered, and nothing but it is asked for", async () => {
  const { run, asked, secretNamed, secrets, text } = prepareLiving();
  await run();
  expect(asked).toEqual(["hostedcluster clusters/tenant", "secret clusters/old-etcd-encryption-key"]);
  expect(secretNamed("tenant-etcd-encryption-key")).toMatchObject({ data: { key: oldKey.toString("base64") } });
  expect(secrets).toContainEqual(oldKey);
  expect(text()).toContain(
    "the keys are those of Secret clusters/old-etcd-encryption-key in the management cluster: key-",
  );
  expect(text()).not.toContain(oldKey.toString("base64"));
});

test("both keys of a rotation go to the Secrets that the manifest names for them", async () => {
  const { run, secretNamed } = prepareLiving(
    { spec: twoSecrets, secrets: { now: { key: newKey }, before: { key: oldKey } } },
    { manifest: twoNames, store: await rotating() },
  );
  await run();
  expect(secretNamed("active-key")).toMatchObject({ data: { key: newKey.toString("base64") } });
  expect(secretNamed("backup-key")).toMatchObject({ data: { key: oldKey.toString("base64") } });
});

test("a key that was the active one and is the second now is found, and goes where the record has it", async () => {
  const { run, secretNamed } = prepareLiving({
    spec: twoSecrets,
    secrets: { now: { key: newKey }, before: { key: oldKey } },
  });
  await run();
  expect(secretNamed("tenant-etcd-encryption-key")).toMatchObject({ data: { key: oldKey.toString("base64") } });
});

test("a Secret that outlived its hosted cluster is found by the name that the record has", async () => {
  const { run, asked } = prepareLiving({ spec: null });
  expect((await run()).revision).toBe(77);
  expect(asked).toContain("secret clusters/old-etcd-encryption-key");
});

test("a record that names a Secret of another namespace has it neither read nor told", async () => {
  const encryption = { ...oldEncryption, secretNamespace: "kube-system", secretName: "bootstrap" };
  const { run, asked, text } = prepareLiving(
    { secrets: { "old-etcd-encryption-key": { key: newKey }, bootstrap: { key: Buffer.from("hunter2") } } },
    { store: { record: buildRecord({ encryption }) } },
  );
  expect(await rejectedCode(run())).toBe("encryption-key-mismatch");
  expect(asked.filter((call) => call.startsWith("secret "))).toEqual(["secret clusters/old-etcd-encryption-key"]);
  expect(text()).not.toContain("bootstrap");
});

describe("the places are tried in their order, and each try is told", () => {
  const sealedBy = async (keys: readonly Buffer[]) => {
    const sealed = await buildSealed({ keys });
    return { sealed, record: recordSealed(sealed) };
  };
  const identities = [ageIdentity];

  test("encryption-key alone, where it is the recorded one", async () => {
    const { run, asked, store, text } = prepareLiving(
      {},
      {
        store: await sealedBy([oldKey]),
        request: { encryptionKeys: [oldKey], identities },
      },
    );
    await run();
    expect(asked).toEqual([]);
    expect(store.asked.filter((call) => call.includes(".key.age"))).toEqual([]);
    for (const words of ["of encryption-key", "age-identity is not used", "kubeconfig is not used"])
      expect(text()).toContain(words);
  });

  test("the sealed key, where encryption-key is another one", async () => {
    const { run, asked, log, text, secretNamed } = prepareLiving(
      {},
      {
        store: await sealedBy([oldKey]),
        request: { encryptionKeys: [newKey], identities },
      },
    );
    await run();
    expect(asked).toEqual([]);
    expect(log.warnings.join("\n")).toMatch(/encryption-key has key-\d+, and the record names key-\d+; the next place/);
    expect(text()).toContain("opened with age-identity");
    expect(secretNamed("tenant-etcd-encryption-key")).toMatchObject({ data: { key: oldKey.toString("base64") } });
  });

  test("the living cluster, where there is no sealed key", async () => {
    const { run, log } = prepareLiving({}, { request: { identities } });
    await run();
    expect(log.warnings.join("\n")).toContain("age-identity gave no key: age-identity is set, and there is no sealed");
  });

  test("and where none has it, all of them are told under the code of the first", async () => {
    const { run, written, report } = prepareLiving(
      { secrets: { "old-etcd-encryption-key": { key: newKey } } },
      { manifest: buildManifest({ infraID: "other" }), request: { identities } },
    );
    const error = await rejectedError(run());
    expect(error.code).toBe("restore-refused");
    for (const words of ["sealed-key-missing", "there is no sealed key", "has key-", "hosted-cluster-differs"])
      expect(error.message).toContain(words);
    expect(report.findings.find(({ guard }) => guard === "key")?.code).toBe("sealed-key-missing");
    expect(written()).toEqual([]);
  });
});

describe("a living cluster that does not have the key", () => {
  test("line feeds in the clusterID of a record make no lines", async () => {
    const record = buildRecord({ hostedCluster: { clusterID: "one\n- two" } });
    const manifest = buildManifest({ spec: [String.raw`  clusterID: "one\n- two"`] });
    const { run } = prepareLiving({ spec: { ...byName, clusterID: "two" } }, { store: { record }, manifest });
    expect((await rejectedError(run())).message).toMatch(/^[^\n]*clusterID[^\n]*$/);
  });

  test.each<[string, string, Living, Case]>([
    ["is not there", "hosted-cluster-not-found", { spec: null }, { store: { record: null } }],
    [
      "is another one of the same name",
      "hosted-cluster-differs",
      { spec: { ...byName, clusterID: "two" } },
      {
        store: { record: buildRecord({ hostedCluster: { clusterID: "one" } }) },
        manifest: buildManifest({ spec: ["  clusterID: one"] }),
      },
    ],
    ["has no Secret", "encryption-key-missing", { secrets: {} }, {}],
    ["has a Secret without a key", "encryption-key-missing", { secrets: { "old-etcd-encryption-key": {} } }, {}],
    ["has rotated since", "encryption-key-mismatch", { secrets: { "old-etcd-encryption-key": { key: newKey } } }, {}],
    ["hides its Secret", "permission-missing", { denied: ["old-etcd-encryption-key"] }, {}],
  ])("%s: %s, and nothing is written", async (_, code, living, given) => {
    const { run, written } = prepareLiving(living, { ...given, request: { allowUnrecorded: true } });
    expect(await rejectedCode(run())).toBe(code);
    expect(written()).toEqual([]);
  });

  test("is not asked for a key where the snapshot needs none", async () => {
    const plain = buildStored(Buffer.from("k8s\0Secret"));
    const record = buildRecord({ encryption: { type: "none" }, snapshot: await figuresOfStored(plain) });
    const { run, asked } = prepareLiving(
      {},
      {
        manifest: buildManifest({ encryption: [], secret: null }),
        store: { record, object: { sizeBytes: plain.length }, bytes: [plain] },
      },
    );
    await run();
    expect(asked).toEqual([]);
  });

  test("gives one to a snapshot that no record describes, whose bytes prove it", async () => {
    const unrecorded = { store: { record: null }, request: { allowUnrecorded: true } };
    expect((await prepareLiving({}, unrecorded).run()).revision).toBe(77);
    const wrong = prepareLiving({ secrets: { "old-etcd-encryption-key": { key: newKey } } }, unrecorded);
    expect(await rejectedCode(wrong.run())).toBe("keys-unproven");
  });
});

describe("the key that signed the tokens of ServiceAccounts", () => {
  const guard = "spec.serviceAccountSigningKey";
  const recorded = { serviceAccountSigningKey: { secretName: "old-signer", sha256 } };
  const record = { ...buildRecord(), ...recorded };
  const living = { spec: { ...byName, serviceAccountSigningKey: { name: "old-signer" } } };
  const both = { ...withKey, "old-signer": { key: signer } };
  const withSigner = (key: Buffer): string =>
    `${buildManifest({ spec: ["  serviceAccountSigningKey: {name: mine}"] })}apiVersion: v1\nkind: Secret\nmetadata: {name: mine, namespace: clusters}\ndata: {key: ${key.toString("base64")}}\n`;

  test("is rendered with its reference, of the sealed file", async () => {
    const sealed = await buildSealed({ signingKey: { name: "old-signer", bytes: signer } });
    const { run, secretNamed, written, secrets, report } = prepareLiving(
      {},
      {
        store: { sealed, record: { ...recordSealed(sealed), ...recorded } },
        request: { identities: [ageIdentity] },
      },
    );
    await run();
    expect(secretNamed("old-signer")).toMatchObject({ data: { key: signer.toString("base64") } });
    expect(written().join("")).toContain('  serviceAccountSigningKey:\n    name: "old-signer"\n');
    expect(secrets).toContainEqual(signer);
    expect(report.findings.find((finding) => finding.guard === guard)?.verdict).toBe("filled");
  });

  test("is rendered from the living cluster, also where the other key was given", async () => {
    const { run, secretNamed, asked } = prepareLiving(
      { ...living, secrets: both },
      { store: { record }, request: { encryptionKeys: [oldKey] } },
    );
    await run();
    expect(secretNamed("old-signer")).toMatchObject({ data: { key: signer.toString("base64") } });
    expect(asked).toEqual(["hostedcluster clusters/tenant", "secret clusters/old-signer"]);
  });

  test("goes into the Secret that the manifest names, whatever is in it", async () => {
    const { run, secretNamed } = prepareLiving(
      { ...living, secrets: both },
      { store: { record }, manifest: withSigner(newKey) },
    );
    await run();
    expect(secretNamed("mine")).toMatchObject({ data: { key: signer.toString("base64") } });
  });

  test.each<[string, string, Living, Case]>([
    ["nobody has", "not set.*void.*old-signer", { spec: byName }, { store: { record } }],
    ["may not be read", "not set.*void", { ...living, denied: ["old-signer"] }, { store: { record } }],
    [
      "is another one by now",
      "not set.*void",
      { ...living, secrets: { ...withKey, "old-signer": { key: newKey } } },
      { store: { record } },
    ],
    ["HyperShift made", "not set.*void", {}, {}],
    [
      "the manifest names without bringing it",
      'no Secret "mine".*void.*old-signer',
      {},
      { store: { record }, manifest: buildManifest({ spec: ["  serviceAccountSigningKey: {name: mine}"] }) },
    ],
    [
      "the manifest brings another one of",
      "not the one that the record names",
      {},
      { store: { record }, manifest: withSigner(newKey) },
    ],
    ["the manifest brings and no record names", "is not known", {}, { manifest: withSigner(newKey) }],
  ])("is a warning that says what breaks, where it is one that %s", async (_, words, given, rest) => {
    const { run, report, log } = prepareLiving(given, rest);
    await run();
    const finding = report.findings.find((each) => each.guard === guard);
    expect(finding?.verdict).toBe("warning");
    expect(finding?.text).toMatch(new RegExp(words));
    expect(log.warnings.join("\n")).toContain(finding?.text);
  });

  test("is equal where the manifest brings the recorded one by itself", async () => {
    const { run, report } = prepareLiving({}, { store: { record }, manifest: withSigner(signer) });
    await run();
    expect(report.findings.find((finding) => finding.guard === guard)?.verdict).toBe("equal");
  });

  test("is not taken where HyperShift had made the snapshot's, and the HostedCluster names one since", async () => {
    const { run, asked } = prepareLiving({ ...living, secrets: both });
    await run();
    expect(asked).not.toContain("secret clusters/old-signer");
  });

  test("has no place in the Secret of the other key", async () => {
    const { run, written } = prepareLiving(
      { ...living, secrets: both },
      {
        store: { record },
        manifest: buildManifest({ spec: ["  serviceAccountSigningKey: {name: tenant-etcd-encryption-key}"] }),
      },
    );
    expect(await rejectedCode(run())).toBe("manifest-unsuitable");
    expect(written()).toEqual([]);
  });
});
