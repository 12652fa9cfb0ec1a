import { describe, expect, test } from "vitest";
import type { EncryptionEntry } from "../../../src/snapshot/record.ts";
import { findEncryptionKey } from "../../../src/restore/encryption-key.ts";
import { parseManifest } from "../../../src/restore/manifest.ts";
import { readTargetCluster } from "../../../src/restore/target-cluster.ts";
import { codeOf, createMemoryLog } from "./expectations.ts";
import { aescbc, buildManifest, buildSecret, newKey, oldKey, type ManifestParts } from "./manifest-builder.ts";
import { fingerprint, oldEncryption } from "./record-builder.ts";

function find(encryption: EncryptionEntry, manifest: string, given?: Buffer) {
  const documents = parseManifest(Buffer.from(manifest));
  const log = createMemoryLog();
  const key = findEncryptionKey(encryption, documents, readTargetCluster(documents), { given, log });
  return { key, warnings: log.warnings.length };
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
    expect(find(oldEncryption, buildManifest(parts), given)).toEqual({ key: { secretName, key: oldKey }, warnings: 0 });
  });

  test("not where the snapshot's Secrets are encrypted with KMS, or in clear", () => {
    expect(find({ type: "kms" }, buildManifest({ encryption: kms, secret: null }))).toEqual({
      key: undefined,
      warnings: 1,
    });
    expect(find({ type: "none" }, buildManifest({ encryption: [], secret: null }))).toEqual({
      key: undefined,
      warnings: 0,
    });
    expect(find({ type: "none" }, buildManifest())).toEqual({ key: undefined, warnings: 1 });
  });

  test("not for a snapshot in clear, with a warning where the manifest lacks the key that it encrypts with", () => {
    expect(find({ type: "none" }, buildManifest({ secret: null }))).toEqual({ key: undefined, warnings: 2 });
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
    expect(codeOf(() => find(encryption, buildManifest(parts), given))).toBe("encryption-key-mismatch");
  });

  test("not where the manifest brings the second key", () => {
    const encryption = [...aescbc("active"), "    # before the rotation"].toSpliced(
      4,
      0,
      "      backupKey:",
      "        name: tenant-etcd-encryption-key",
    );
    expect(find(twoKeys, buildManifest({ encryption }), oldKey).key).toEqual({ secretName: "active", key: oldKey });
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
    expect(codeOf(() => find(recorded, buildManifest({ encryption }), given))).toBe("encryption-type-mismatch");
  });
});

test("a record without the key's fingerprint is refused", () => {
  expect(codeOf(() => find({ type: "aescbc" }, buildManifest(), oldKey))).toBe("record-invalid");
  expect(codeOf(() => find({ type: "aescbc", keys: [fingerprint(oldKey, "backup")] }, buildManifest(), oldKey))).toBe(
    "record-invalid",
  );
});

test.each([
  ["the Secret twice", buildManifest() + withOldKey],
  ["the Secret without a namespace", buildManifest({ secret: withOldKey.replace("  namespace: clusters\n", "") })],
  ["a Secret whose name is none", buildManifest({ encryption: aescbc('"a/b"') })],
])("a manifest with %s is refused", (_, manifest) => {
  expect(codeOf(() => find(oldEncryption, manifest))).toBe("manifest-unsuitable");
});
