import { expect, test } from "vitest";
import { readEncryption } from "../../../src/encryption/secret.ts";
import { ActionError } from "../../../src/errors.ts";
import { parseHostedCluster } from "../../../src/hypershift/hosted-cluster.ts";

const hostedCluster = parseHostedCluster({
  metadata: { namespace: "clusters", name: "example" },
  spec: { secretEncryption: { type: "aescbc", aescbc: { activeKey: { name: "a-key" } } } },
});

async function readLength(key: Buffer): Promise<number | undefined> {
  const cluster = { findSecret: () => Promise.resolve({ key }) };
  const { keys } = await readEncryption(hostedCluster, { cluster, onSecret: () => undefined });
  return keys[0]?.bytes.length;
}

const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => (index * 37 + 129) % 256));

test.each([16, 24, 32])("an AES key of %i bytes is taken, as Kubernetes does", async (length) => {
  expect(await readLength(bytes(length))).toBe(length);
});

test.each([
  ["44 bytes, not 16, 24 or 32: likely base64 of base64", Buffer.from(bytes(32).toString("base64"))],
  ["45 bytes, not 16, 24 or 32: likely base64 of base64", Buffer.from(`${bytes(32).toString("base64")}\n`)],
  ["64 bytes, not 16, 24 or 32: likely a key in hex", Buffer.from(bytes(32).toString("hex"))],
  ["33 bytes, not 16, 24 or 32: likely a key with white space", Buffer.from(`${"k!".repeat(16)}\n`)],
  ["31 bytes, not 16, 24 or 32", bytes(31)],
  ["0 bytes, not 16, 24 or 32", Buffer.alloc(0)],
])("a key of %s is refused", async (said, key) => {
  const error: unknown = await readLength(key).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "encryption-key-invalid", message: expect.stringContaining(said) as string });
  if (error instanceof ActionError && key.length > 8)
    expect(`${error.message}${error.hint ?? ""}`).not.toContain(key.toString("latin1").slice(0, 8));
});
