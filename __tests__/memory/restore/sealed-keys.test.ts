import { generateHybridIdentity, generateX25519Identity, identityToRecipient } from "age-encryption";
import { describe, expect, test } from "vitest";
import { seal } from "../../../src/encryption/seal.ts";
import { sealedKeyMaxBytes } from "../../../src/snapshots/sealed-key.ts";
import { rejectedCode, rejectedError } from "../../unit/restore/expectations.ts";
import { newKey, oldKey, readObjects } from "../../unit/restore/manifest-builder.ts";
import type { MemoryStoreOptions } from "../../unit/restore/memory-store.ts";
import { buildRecord, fingerprint, oldEncryption } from "../../unit/restore/record-builder.ts";
import { buildSealed, recordSealed, renderKeys, type SealedParts } from "../../unit/restore/sealed-builder.ts";
import { ageIdentity, ageRecipient } from "../../world/sealing.ts";
import { prepare, type Rendering } from "./rendering.ts";

const other = await generateHybridIdentity();
const ofAnotherKind = await generateX25519Identity();
const whole = await buildSealed();
const request = { encryptionKeys: [], identities: [ageIdentity] };

/** A restore with the identity and without the key, from a store that has `sealed` and a record that names it. */
function prepareSealed(sealed: Buffer, changes: Parameters<typeof prepare>[0] = {}): Rendering {
  const store = { sealed, record: recordSealed(sealed), ...changes.store };
  return prepare({ ...changes, store, request: { ...request, ...changes.request } });
}

test("an identity opens the key beside the snapshot, and that key is proven and rendered", async () => {
  const { run, written, log, secrets, store } = prepareSealed(await buildSealed());
  expect((await run()).encryptionKeySecretName).toBe("tenant-etcd-encryption-key");
  expect(readObjects(written().join(""))).toContainEqual(
    expect.objectContaining({ kind: "Secret", data: { key: oldKey.toString("base64") } }),
  );
  expect(secrets).toContainEqual(oldKey);
  expect(log.lines.join("\n")).toMatch(/the keys are those of s3:\/\/backups\/.*\.key\.age, opened with age-identity/);
  expect(log.lines.join("\n")).not.toContain(oldKey.toString("base64"));
  // Opened before the snapshot is read, and proven before the URL is signed.
  expect(store.asked.indexOf("sign")).toBeGreaterThan(store.asked.findIndex((call) => /^read .*\.db$/.test(call)));
});

test("encryption-key is used in place of the sealed one, and that is told", async () => {
  const sealed = await buildSealed({ keys: [newKey] });
  const { run, store, log } = prepareSealed(sealed, { request: { encryptionKeys: [oldKey] } });
  await run();
  expect(store.asked.filter((call) => call.includes(".key.age"))).toEqual([]);
  expect(log.lines.join("\n")).toContain("age-identity is not used");
});

test("both keys of a rotation go to the Secrets that the manifest names for them", async () => {
  const sealed = await buildSealed({ keys: [newKey, oldKey] });
  const encryption = { ...oldEncryption, keys: [fingerprint(newKey, "active"), fingerprint(oldKey, "backup")] };
  const { run } = prepareSealed(sealed, { store: { record: recordSealed(sealed, { encryption }) } });
  // The manifest of this test has one Secret: what is missing is a place for the second key, and no key.
  await expect(run()).rejects.toThrow(/names no backupKey/);
});

test("a file that was sealed anew to others is taken with its new identity, and that is told", async () => {
  const record = recordSealed(await buildSealed());
  const anew = await buildSealed({ recipients: [await identityToRecipient(other)] });
  const { run, log } = prepareSealed(anew, { store: { record }, request: { identities: [other] } });
  expect((await run()).revision).toBe(77);
  expect(log.lines.join("\n")).toContain("was sealed anew since its run; it holds the recorded keys");
});

test("a snapshot that by its record needs no key is restored without a sealed file", async () => {
  const { run } = prepare({ store: { record: buildRecord({ encryption: { type: "none" } }) }, request });
  // The manifest and the bytes are encrypted: that is refused, and not the missing file.
  expect(await rejectedCode(run())).toBe("keys-unproven");
});

describe("a wrong file or identity has a code of its own, and writes nothing", () => {
  function changed(at: (length: number) => number): Buffer {
    const bytes = Buffer.from(whole);
    const index = at(bytes.length);
    bytes[index] = (bytes[index] ?? 0) ^ 1;
    return bytes;
  }

  async function sealText(text: string): Promise<Buffer> {
    return seal(Buffer.from(text), [ageRecipient]);
  }

  const sealed = (parts: SealedParts) => async (): Promise<MemoryStoreOptions> => {
    const bytes = await buildSealed(parts);
    return { sealed: bytes, record: recordSealed(bytes) };
  };
  const stored = (make: () => Promise<Buffer> | Buffer) => async (): Promise<MemoryStoreOptions> => {
    const bytes = await make();
    return { sealed: bytes, record: recordSealed(whole) };
  };

  test.each<[string, string, () => Promise<MemoryStoreOptions> | MemoryStoreOptions]>([
    ["there is none", "sealed-key-missing", () => ({})],
    ["it is damaged at its end", "sealed-key-invalid", stored(() => changed((length) => length - 1))],
    ["it is damaged in its header", "sealed-key-invalid", stored(() => changed(() => 3))],
    ["the part for this identity is damaged", "sealed-key-invalid", stored(() => changed(() => 1_600))],
    ["it is cut", "sealed-key-invalid", stored(() => whole.subarray(0, -20))],
    ["it is empty", "sealed-key-invalid", stored(() => Buffer.alloc(0))],
    ["it is not sealed at all", "sealed-key-invalid", stored(() => renderKeys())],
    ["it holds something else", "sealed-key-invalid", stored(() => sealText("hello"))],
    ["it is of a later version", "sealed-key-invalid", stored(() => sealText('{"schemaVersion": 2}'))],
    ["it is huge", "sealed-key-invalid", stored(() => Buffer.alloc(sealedKeyMaxBytes + 1))],
    [
      "the store sends more than it said",
      "sealed-key-invalid",
      () => ({ sealed: Buffer.alloc(sealedKeyMaxBytes * 2), sealedBytes: 800, record: recordSealed(whole) }),
    ],
    ["it is of another run", "sealed-key-differs", sealed({ nonce: "f".repeat(32) })],
    ["it is of another cluster", "sealed-key-differs", sealed({ hostedCluster: { name: "other" } })],
    ["it has another key", "sealed-key-differs", sealed({ keys: [newKey] })],
    ["it has a key too many", "sealed-key-differs", sealed({ keys: [oldKey, newKey] })],
    ["it has none", "sealed-key-differs", sealed({ keys: [] })],
  ])("where %s: %s", async (_, code, make) => {
    const { run, written, store, log } = prepare({ store: await make(), request });
    expect(await rejectedCode(run())).toBe(code);
    expect(written()).toEqual([]);
    expect(store.asked.filter((call) => call === "sign" || /^read .*\.db$/.test(call))).toEqual([]);
    expect(log.lines.join("\n")).not.toContain(ageIdentity);
  });

  test.each([
    ["of the same kind", other],
    ["of another kind", ofAnotherKind],
  ])("where the identity is another one, %s: age-identity-mismatch", async (_, identity) => {
    const { run, written } = prepareSealed(whole, { request: { identities: [identity] } });
    expect(await rejectedCode(run())).toBe("age-identity-mismatch");
    expect(written()).toEqual([]);
  });

  test("another clusterID is another cluster, where both are known", async () => {
    const bytes = await buildSealed({ hostedCluster: { clusterID: "one" } });
    const record = recordSealed(bytes, { hostedCluster: { clusterID: "two" } });
    expect(await rejectedCode(prepareSealed(bytes, { store: { record } }).run())).toBe("sealed-key-differs");
  });

  test("a file of another run makes no masks", async () => {
    const bytes = await buildSealed({ nonce: "f".repeat(32) });
    const { run, secrets } = prepareSealed(bytes, { store: { record: recordSealed(bytes) } });
    expect(await rejectedCode(run())).toBe("sealed-key-differs");
    expect(secrets).toEqual([]);
  });

  test("a signing key that is a word makes no mask, and is not taken", async () => {
    const bytes = await buildSealed({ signingKey: { name: "signing", bytes: Buffer.from("s3://backups/prod") } });
    const { run, secrets, log } = prepareSealed(bytes);
    await run();
    expect(secrets.map(String)).not.toContain("s3://backups/prod");
    expect(log.warnings.join("\n")).toContain("is not a PEM, and is not taken");
  });

  test("a signing key with text before its block is taken, as kube-apiserver takes it", async () => {
    const text = "Bag Attributes\n-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq2\n-----END RSA PRIVATE KEY-----\n";
    const { run, log } = prepareSealed(
      await buildSealed({ signingKey: { name: "signing", bytes: Buffer.from(text) } }),
    );
    await run();
    expect(log.warnings.join("\n")).not.toContain("is not a PEM");
  });

  test("line feeds in the cluster that a file names make no lines", async () => {
    const bytes = await buildSealed({ hostedCluster: { name: "other\n\n  curl evil.example", clusterID: "\n- one" } });
    const { message } = await rejectedError(prepareSealed(bytes, { store: { record: recordSealed(bytes) } }).run());
    expect(message).toMatch(/^[^\n]*curl[^\n]*$/);
  });

  test("a key that the record names and the snapshot's bytes do not is found by the proof", async () => {
    const bytes = await buildSealed({ keys: [newKey] });
    const encryption = { ...oldEncryption, keys: [fingerprint(newKey, "active")] };
    const { run, written } = prepareSealed(bytes, { store: { record: recordSealed(bytes, { encryption }) } });
    expect(await rejectedCode(run())).toBe("keys-unproven");
    expect(written()).toEqual([]);
  });

  test("the findings of the manifest are told with it", async () => {
    const { run, report } = prepare({ request });
    await rejectedCode(run());
    expect(report.findings).toContainEqual(expect.objectContaining({ guard: "key", code: "sealed-key-missing" }));
    expect(report.findings.length).toBeGreaterThan(1);
  });
});

describe("a snapshot without a record", () => {
  const unrecorded = { ...request, allowUnrecorded: true };

  test("is restored with the sealed key of its own run, as its name tells it", async () => {
    const { run } = prepare({ store: { record: null, sealed: await buildSealed() }, request: unrecorded });
    expect((await run()).revision).toBe(77);
  });

  test("is not restored with that of another run", async () => {
    const sealed = await buildSealed({ nonce: "f".repeat(32) });
    const { run } = prepare({ store: { record: null, sealed }, request: unrecorded });
    expect(await rejectedCode(run())).toBe("sealed-key-differs");
  });
});
