import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { findOtherVersion, parseKeyFile, renderKeyFile } from "../../../src/encryption/key-file.ts";
import { createEncryptionKey } from "../../../src/encryption/key.ts";
import type { SigningKey } from "../../../src/encryption/signing-key.ts";

const bytes = createHash("sha256").update("a key").digest();
const older = createHash("sha256").update("an older key").digest().subarray(0, 16);
const namespace = "clusters";
const encryption = {
  type: "aescbc",
  secret: { namespace, name: "one" },
  keys: [
    { ...createEncryptionKey(bytes, "active"), secret: { namespace, name: "one" } },
    { ...createEncryptionKey(older, "backup"), secret: { namespace, name: "two" } },
  ],
} as const;
const about = {
  run: { name: "20261124T120000Z-01234567", nonce: "0123456789abcdef".repeat(2) },
  hostedCluster: { namespace, name: "example", clusterID: "one" },
};
const pem = Buffer.from("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n");
const secret = { namespace, name: "signing" };
const sha256 = createHash("sha256").update(pem).digest("hex");

test.each<[string, SigningKey, object]>([
  ["that HyperShift made", { origin: "hypershift" }, { origin: "hypershift" }],
  [
    "of a Secret",
    { origin: "secret", secret, read: { bytes: pem, sha256 } },
    {
      origin: "secret",
      secretNamespace: namespace,
      secretName: "signing",
      bytes: pem.toString("base64"),
      sha256,
    },
  ],
  [
    "that could not be read",
    { origin: "secret", secret, read: { unread: "the Secret is missing" } },
    { origin: "secret", secretNamespace: namespace, secretName: "signing", unread: "the Secret is missing" },
  ],
])("every key is in the file, with the signing key %s", (_, signingKey, expected) => {
  const file = parseKeyFile(renderKeyFile(about, encryption, signingKey));
  expect(file).toMatchObject({ ...about, serviceAccountSigningKey: expected });
  expect(file?.encryptionKeys.map(({ secretName, role, bytes: text }) => [secretName, role, text])).toEqual([
    ["one", "active", bytes.toString("base64")],
    ["two", "backup", older.toString("base64")],
  ]);
});

test("a file with a key that is a word, which would become a mask, is none", () => {
  const word = { ...createEncryptionKey(Buffer.from("success"), "active"), secret: { namespace, name: "one" } };
  const text = renderKeyFile(about, { ...encryption, keys: [word] }, { origin: "hypershift" });
  expect(parseKeyFile(text)).toBeUndefined();
});

test("a file whose fingerprints are not those of its keys is none", () => {
  const text = renderKeyFile(about, encryption, { origin: "secret", secret, read: { bytes: pem, sha256 } }).toString();
  expect(parseKeyFile(Buffer.from(text))).toBeDefined();
  const [first, second] = encryption.keys;
  for (const [from, to] of [
    [first.bytes.toString("base64"), older.toString("base64")],
    [first.name, second.name],
    [first.sha256, second.sha256],
    [sha256, first.sha256],
  ] as const)
    expect(parseKeyFile(Buffer.from(text.replace(from, to)))).toBeUndefined();
});

test.each(["", "{", "[]", "null", '{"schemaVersion": 1}'])("%j is no file of keys", (text) => {
  expect(parseKeyFile(Buffer.from(text))).toBeUndefined();
  expect(findOtherVersion(Buffer.from(text))).toBeUndefined();
});

test("a file of a later version is known as one", () => {
  expect(findOtherVersion(Buffer.from('{"schemaVersion": 2}'))).toBe(2);
});
