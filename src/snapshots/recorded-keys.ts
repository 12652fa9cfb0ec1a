import { createHash } from "node:crypto";
import { ActionError } from "../errors.ts";
import type { NamedKey } from "../etcd/aescbc.ts";
import { assertKeysOpen, assertProvider, type EncryptedValues } from "../etcd/encryption-check.ts";
import { renderEncryption } from "../etcd/figures.ts";
import type { EncryptionEntry } from "./record.ts";

/** Throws `encryption-key-mismatch` for a given key that the record does not name. */
export function refuseOtherKeys(keys: readonly NamedKey[], encryption: EncryptionEntry): void {
  const recorded = encryption.keys ?? [];
  for (const { name, bytes } of keys) {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (recorded.some((key) => key.name === name && key.sha256 === sha256)) continue;
    const kept = recorded.length === 0 ? "none" : recorded.map((key) => key.name).join(", ");
    throw new ActionError(
      "encryption-key-mismatch",
      `encryption-key has ${name}, which is not a key of the snapshot: its record names ${kept}`,
      { hint: "take the key of the Secret that the backup's output encryption-key-secret-name names, as base64" },
    );
  }
}

/**
 * Throws `encryption-key-unproven` for a value of another provider than the recorded one, or that the keys do not open. With no
 * key at hand the names count: those of the values against those that the record has.
 */
export function refuseClosedValues(
  encrypted: EncryptedValues,
  keys: readonly NamedKey[],
  encryption: EncryptionEntry | undefined,
): void {
  if (encryption !== undefined) assertProvider(encrypted, encryption.type);
  if (keys.length > 0) {
    assertKeysOpen(
      encrypted,
      keys.map(({ name }) => name),
    );
    return;
  }
  const recorded = encryption?.keys?.map(({ name }) => name);
  const odd = encrypted.groups.find(
    ({ provider, keyName, malformed }) =>
      malformed > 0 || (provider === "aescbc" && recorded !== undefined && !recorded.includes(keyName)),
  );
  if (odd === undefined) return;
  const problem = odd.malformed > 0 ? "and some have no form of it" : "which the record does not name";
  throw new ActionError(
    "encryption-key-unproven",
    `${String(odd.values)} values of the snapshot are encrypted as ${renderEncryption(odd)}, ${problem}`,
    { hint: "find the key that kube-apiserver used when these were written; without it they are lost" },
  );
}
