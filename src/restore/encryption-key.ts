import { createHash } from "node:crypto";
import { ActionError } from "../errors.ts";
import { encryptionKeyName } from "../hypershift/encryption-key.ts";
import type { SecretEncryption } from "../hypershift/hosted-cluster.ts";
import type { Log } from "../ports.ts";
import type { EncryptionEntry } from "../snapshot/record.ts";
import { findKeySecret } from "./key-secret.ts";
import type { ManifestDocument } from "./manifest.ts";
import { isName, unsuitable, type TargetCluster } from "./target-cluster.ts";

/** The Secret that the new cluster must have. */
export interface EncryptionKey {
  readonly secretName: string;
  readonly key: Buffer;
}

type RecordedKey = NonNullable<EncryptionEntry["keys"]>[number];

/**
 * The key that decrypts the snapshot, from `given` or from the manifest's own Secret; undefined where no key of the user is in
 * use. Throws `encryption-type-mismatch` where snapshot and manifest encrypt in different ways, `encryption-key-mismatch` for
 * another key than the recorded one or none, `record-invalid` for a record that names no key.
 */
export function findEncryptionKey(
  encryption: EncryptionEntry,
  documents: readonly ManifestDocument[],
  target: TargetCluster,
  options: { readonly given: Buffer | undefined; readonly log: Log },
): EncryptionKey | undefined {
  const { namespace, name, secretEncryption: wanted } = target.cluster;
  if (encryption.type !== "aescbc") {
    if (options.given !== undefined)
      throw mismatch(
        `encryption-key is set, but by its record the snapshot is encrypted with ${encryption.type === "kms" ? "KMS" : "no key"}`,
        "leave encryption-key out, or restore the snapshot that it belongs to",
      );
    compareTypes(encryption.type, wanted, options.log);
    if (wanted.type === "aescbc") warnWithoutKey(documents, namespace, secretNameOf(name, wanted), options.log);
    return undefined;
  }
  if (wanted.type !== "aescbc") throw typeMismatch("aescbc", wanted);
  const secretName = secretNameOf(name, wanted);
  if (!isName(secretName))
    throw unsuitable("names its encryption Secret with no name of Kubernetes", "give it a valid name");
  const active = encryption.keys?.find(({ role }) => role === "active");
  if (active === undefined)
    throw new ActionError("record-invalid", "the record says aescbc, and names no active key", {
      hint: "restore another snapshot; without the key's fingerprint nothing shows that a key is the right one",
    });
  const key = options.given ?? findKeySecret(documents, { namespace, name: secretName })?.key;
  if (key === undefined)
    throw mismatch(
      `encryption-key is not set, and the manifest has no Secret ${secretName} with a key`,
      "set encryption-key to the key of the encryption Secret of the old cluster",
    );
  if (!isRecorded(key, active))
    throw mismatch(
      options.given === undefined
        ? `the key in the manifest's Secret ${secretName} does not decrypt the snapshot (${active.name} does)`
        : `encryption-key does not decrypt the snapshot: it is ${encryptionKeyName(key)}, the snapshot's is ${active.name}`,
      "take the key of the Secret that the backup's output encryption-key-secret-name names, as base64",
    );
  for (const recorded of encryption.keys ?? [])
    if (recorded.role === "backup") refuseWithoutBackupKey(recorded, documents, { namespace, name: wanted.backupKey });
  return { secretName, key };
}

/** Of the Secret with the active key; HyperShift's own where the manifest gives none. */
function secretNameOf(hostedCluster: string, { activeKey }: { readonly activeKey: string }): string {
  return activeKey === "" ? `${hostedCluster}-etcd-encryption-key` : activeKey;
}

function warnWithoutKey(documents: readonly ManifestDocument[], namespace: string, name: string, log: Log): void {
  if (findKeySecret(documents, { namespace, name }) === undefined)
    log.warning(
      `the manifest has no Secret ${name}: create it, with a key of 32 random bytes, before the manifest is applied`,
    );
}

/** Values that were not written again since the last rotation are still encrypted with the key before. */
function refuseWithoutBackupKey(
  recorded: RecordedKey,
  documents: readonly ManifestDocument[],
  secret: { readonly namespace: string; readonly name: string | undefined },
): void {
  const { namespace, name } = secret;
  const key = name === undefined ? undefined : findKeySecret(documents, { namespace, name })?.key;
  if (key !== undefined && isRecorded(key, recorded)) return;
  throw mismatch(
    `a part of the snapshot may be encrypted with a second key, ${recorded.name}, which the manifest does not have`,
    "set spec.secretEncryption.aescbc.backupKey, and add the Secret that it names with that key",
  );
}

function isRecorded(key: Buffer, recorded: RecordedKey): boolean {
  const sha256 = createHash("sha256").update(key).digest("hex");
  return encryptionKeyName(key) === recorded.name && sha256 === recorded.sha256;
}

function compareTypes(recorded: "kms" | "none", wanted: SecretEncryption, log: Log): void {
  if (recorded === "kms") {
    if (wanted.type !== "kms") throw typeMismatch(recorded, wanted);
    log.warning(
      "the snapshot's Secrets are encrypted with KMS: the new cluster must be allowed to use the same KMS key",
    );
    return;
  }
  // The API server reads what is in clear whatever it writes with (identity is its last provider).
  if (wanted.type === "kms" || wanted.type === "unknown") throw typeMismatch(recorded, wanted);
  if (wanted.type === "aescbc")
    log.warning("the snapshot's Secrets are in clear, and stay so in the new cluster until they are written again");
}

function typeMismatch(recorded: EncryptionEntry["type"], wanted: SecretEncryption): ActionError {
  return new ActionError(
    "encryption-type-mismatch",
    `the snapshot's Secrets are encrypted with ${recorded}, the manifest's spec.secretEncryption says ${wanted.type}`,
    { hint: "render the manifest with the encryption of the old cluster; the new one could not read its Secrets" },
  );
}

function mismatch(problem: string, hint: string): ActionError {
  return new ActionError("encryption-key-mismatch", problem, { hint });
}
