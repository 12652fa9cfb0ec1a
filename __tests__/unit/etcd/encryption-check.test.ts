import { createCipheriv, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { NamedKey } from "../../../src/etcd/aescbc.ts";
import { assertKeysOpen, EncryptionCheck } from "../../../src/etcd/encryption-check.ts";
import { spanOf } from "../../../src/etcd/span.ts";
import { describeError } from "../../../src/errors.ts";
import { readBytes } from "../../world/snapshot/read.ts";
import { buildSnapshot, type ChangePlan } from "../../world/snapshot/snapshot.ts";

const key = (name: string, lengthBytes = 32): NamedKey => ({ name, bytes: randomBytes(lengthBytes) });
const [first, second] = [key("key-1"), key("key-2")];

/** As the aescbc provider of kube-apiserver encrypts: storage/value/encrypt/aes/cbc.go in k8s.io/apiserver. */
function encrypt({ name, bytes }: NamedKey, plain = "k8s\0\n\u000c\n\u0002v1\u0012\u0006Secret"): Buffer {
  const iv = randomBytes(16);
  const cipher = createCipheriv(`aes-${String(bytes.length * 8)}-cbc`, bytes, iv);
  return Buffer.concat([Buffer.from(`k8s:enc:aescbc:v1:${name}:`), iv, cipher.update(plain), cipher.final()]);
}

const secrets = (...values: readonly (Buffer | string)[]): readonly ChangePlan[] =>
  values.map((value, index) => ({ main: index + 2, key: `/kubernetes.io/secrets/default/${String(index)}`, value }));

async function encryptedOf(changes: readonly ChangePlan[], keys: readonly NamedKey[]) {
  return (await readBytes(buildSnapshot({ changes }), { keys })).encrypted;
}

async function faultOf(changes: readonly ChangePlan[], keys: readonly NamedKey[]): Promise<string | undefined> {
  try {
    assertKeysOpen(
      await encryptedOf(changes, keys),
      keys.map(({ name }) => name),
    );
    return undefined;
  } catch (error) {
    const { code, message } = describeError(error);
    return `${code}: ${message}`;
  }
}

test.each([16, 24, 32])("a key of %i bytes opens what it encrypted: protobuf and JSON", async (lengthBytes) => {
  const kept = key("key-7", lengthBytes);
  const changes = secrets(encrypt(kept), encrypt(kept, `{"kind":"OAuthClient"}`), "k8s\0in clear");
  const encrypted = await encryptedOf(changes, [kept]);
  expect(encrypted).toStrictEqual({
    values: 2,
    checked: 2,
    groups: [
      {
        resource: "secrets",
        provider: "aescbc",
        version: "v1",
        keyName: "key-7",
        values: 2,
        malformed: 0,
        checked: 2,
        opened: 2,
        openedByOthers: {},
      },
    ],
  });
  expect(await faultOf(changes, [kept])).toBeUndefined();
});

test("only what is alive counts: a value of a rotated key that was written anew needs it no more", async () => {
  const changes = [
    { main: 2, key: "/kubernetes.io/secrets/default/a", value: encrypt(first) },
    { main: 3, key: "/kubernetes.io/secrets/default/a", value: encrypt(second), createRevision: 2, version: 2 },
  ];
  expect(await faultOf(changes, [second])).toBeUndefined();
});

test.each<readonly [string, readonly ChangePlan[], readonly NamedKey[], string]>([
  ["no key at all", secrets(encrypt(first)), [], "1 value is encrypted with the key key-1, and no key was kept"],
  [
    "a key of another cluster",
    secrets(encrypt(first)),
    [second],
    "1 value is encrypted with the key key-1, and kept was key-2",
  ],
  [
    "other bytes under the right name",
    secrets(encrypt(first)),
    [key("key-1")],
    "1 value is not opened by the key that was kept as key-1: it has the name, and other bytes",
  ],
  [
    "the right bytes under a wrong name",
    secrets(encrypt(first)),
    [{ name: "key-9", bytes: first.bytes }],
    "1 value is encrypted under the key name key-1 with the key that was kept as key-9",
  ],
  [
    "a rotation that is not at its end",
    secrets(encrypt(second), encrypt(first)),
    [second],
    "1 value is still encrypted with the key key-1 of an earlier rotation",
  ],
  [
    "a prefix with nothing behind it",
    secrets("k8s:enc:aescbc:v1:key-1:"),
    [first],
    "1 value is marked as encrypted, and cannot be",
  ],
  [
    "a prefix of nobody",
    secrets("k8s:enc:rot13:v1:key-1:uryyb"),
    [first],
    "1 value is marked as encrypted, and cannot be",
  ],
  [
    "a plain text that is no object",
    secrets(encrypt(first, "nonsense")),
    [first],
    "1 value is not opened by the key that was kept as key-1",
  ],
])("%s is told", async (_, changes, keys, words) => {
  expect(await faultOf(changes, keys)).toContain(`encryption-key-unproven: of the snapshot's secrets, ${words}`);
});

test("values of providers whose keys nobody has here are counted by provider and key", async () => {
  const kms = `k8s:enc:kms:v2:kms-plugin:${"x".repeat(40)}`;
  const changes = [
    ...secrets(kms, `k8s:enc:aesgcm:v1:key-1:${"x".repeat(40)}`, `k8s:enc:secretbox:v1:key-1:${"x".repeat(60)}`),
  ];
  const { groups } = await encryptedOf(changes, [first]);
  expect(groups.map(({ provider, version, keyName, checked }) => [provider, version, keyName, checked])).toStrictEqual([
    ["kms", "v2", "kms-plugin", 0],
    ["aesgcm", "v1", "key-1", 0],
    ["secretbox", "v1", "key-1", 0],
  ]);
  expect(await faultOf(changes, [first])).toBeUndefined();
});

test("beyond the limit a share is drawn by a seed, which is told, and all prefixes are counted", () => {
  const run = (): unknown => {
    const check = new EncryptionCheck([first], 42, { limit: 10 });
    for (let index = 0; index < 2000; index += 1) check.add("secrets", spanOf(value));
    return check.result;
  };
  const value = encrypt(first);
  expect(run()).toMatchObject({ values: 2000, sample: { seed: 42, oneOf: 16 } });
  expect(run()).toStrictEqual(run());
  const { checked } = run() as { readonly checked: number };
  expect(checked).toBeGreaterThan(60);
  expect(checked).toBeLessThan(300);
});

test("beyond the limit a resource of which no value was drawn is not taken for one that the key does not open", () => {
  const few = [encrypt(first), encrypt(second)].map((value) => {
    const check = new EncryptionCheck([first], 42, { limit: 10 });
    for (let index = 0; index < 11; index += 1) check.add("secrets", spanOf(encrypt(first)));
    for (let index = 0; index < 3; index += 1) check.add("oauthaccesstokens", spanOf(value));
    return check.result;
  });
  const faults = few.map((result) => {
    try {
      assertKeysOpen(result, [first.name]);
      return "";
    } catch (error) {
      return describeError(error).message;
    }
  });
  expect(faults).toStrictEqual(["", expect.stringContaining("of the snapshot's oauthaccesstokens, 3 values are")]);
  // What asks the values alone, and not the names, sees the foreign key as well.
  expect(few.map(({ groups }) => groups.every(({ checked, opened }) => opened === checked))).toStrictEqual([
    true,
    false,
  ]);
});

test("a key of an impossible length is refused by its name", () => {
  expect(() => new EncryptionCheck([key("key-3", 31)], 0)).toThrow(
    expect.objectContaining({ code: "encryption-key-invalid", message: "key key-3 has 31 bytes" }),
  );
});
