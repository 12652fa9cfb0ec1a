import { createHash } from "node:crypto";
import type { NamedKey } from "../etcd/aescbc.ts";

/** An AES key of a hosted cluster. Its bytes were masked when they were read; nothing but a seal may ever hold them. */
export interface EncryptionKey {
  /** The name as it stands in each encrypted value. */
  readonly name: string;
  /** SHA-256 of the raw bytes, lower-case hex. */
  readonly sha256: string;
  readonly role: "active" | "backup";
  readonly bytes: Buffer;
}

export function createEncryptionKey(bytes: Buffer, role: EncryptionKey["role"]): EncryptionKey {
  return { name: encryptionKeyName(bytes), sha256: createHash("sha256").update(bytes).digest("hex"), role, bytes };
}

/**
 * The name of an AES key in the EncryptionConfiguration of a hosted cluster, as it stands in each encrypted value
 * (`k8s:enc:aescbc:v1:<name>:`): "key-" and the FNV-1 hash (32 bits, multiplied before the XOR) of the raw bytes in decimal.
 * Source: control-plane-operator/controllers/hostedcontrolplane/v2/kas/aescbc.go in HyperShift.
 */
export function encryptionKeyName(key: Buffer): string {
  let hash = 0x811c9dc5;
  for (const byte of key) hash = (Math.imul(hash, 0x01000193) ^ byte) >>> 0;
  return `key-${String(hash)}`;
}

/** Keys by the names that HyperShift gives them. */
export function nameKeys(keys: readonly Buffer[]): readonly NamedKey[] {
  return keys.map((bytes) => ({ name: encryptionKeyName(bytes), bytes }));
}
