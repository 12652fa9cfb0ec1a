import { ActionError } from "../errors.ts";
import { isKey } from "../encryption/expected-keys.ts";
import { encryptionKeyName } from "../encryption/key.ts";
import type { SecretEncryption } from "../hypershift/hosted-cluster.ts";
import type { KmsIds } from "../hypershift/kms.ts";
import { quote } from "../shown-text.ts";
import type { EncryptionEntry, RecordedKey } from "../snapshots/record.ts";
import { refuse, type Finding } from "./findings.ts";
import { findKeySecret, type KeptKey } from "./key-secret.ts";
import type { ManifestDocument } from "./manifest.ts";
import { isObjectName } from "../names.ts";
import type { ObjectRef } from "../ports.ts";
import type { TargetCluster } from "./target-cluster.ts";

type EncryptionKey = KeptKey & { readonly role: RecordedKey["role"] };

/** Findings, and the keys to render where none of them is a refusal. */
export interface KeyCheck {
  readonly findings: readonly Finding[];
  readonly keys: readonly EncryptionKey[];
}

type Aescbc = Extract<SecretEncryption, { readonly type: "aescbc" }>;

const guard = "spec.secretEncryption";

/**
 * The keys that decrypt the snapshot, from `given` or from the manifest's own Secrets, each by its recorded fingerprint; none
 * where no key of the user is in use. Refuses with `encryption-type-mismatch` where snapshot and manifest encrypt in different
 * ways, `encryption-key-mismatch` for another key than a recorded one or none, `manifest-unsuitable` for one Secret in two
 * roles, `record-invalid` for a record that names no key. Throws as `findKeySecret` does.
 */
export function checkEncryption(
  encryption: EncryptionEntry,
  documents: readonly ManifestDocument[],
  target: TargetCluster,
  given: readonly Buffer[],
): KeyCheck {
  const { name, namespace, secretEncryption: wanted } = target.cluster;
  if (encryption.type !== "aescbc") {
    const findings = compareTypes(encryption, wanted);
    if (given.length > 0)
      findings.push(
        mismatch(
          `encryption-key is set, but by its record the snapshot is encrypted with ${encryption.type === "kms" ? "KMS" : "no key"}`,
          "leave encryption-key out, or restore the snapshot that it belongs to",
        ),
      );
    if (wanted.type === "aescbc") findings.push(...listKeyless(documents, namespace, secretNameOf(name, wanted)));
    return { findings, keys: [] };
  }
  if (wanted.type !== "aescbc") return { findings: [typeMismatch("aescbc", wanted)], keys: [] };
  return matchKeys(encryption.keys ?? [], documents, { name, namespace, wanted }, given);
}

function matchKeys(
  recorded: readonly RecordedKey[],
  documents: readonly ManifestDocument[],
  { name, namespace, wanted }: { readonly name: string; readonly namespace: string; readonly wanted: Aescbc },
  given: readonly Buffer[],
): KeyCheck {
  if (!recorded.some(({ role }) => role === "active"))
    throw new ActionError("record-invalid", "the record says aescbc, and names no active key", {
      hint: "restore another snapshot; without the key's fingerprint nothing shows that a key is the right one",
    });
  const findings = checkSecretNames(name, wanted);
  if (!hasSecretNames(name, wanted)) return { findings, keys: [] };
  const keys: EncryptionKey[] = [];
  for (const { role, ...expected } of recorded) {
    const secretName = role === "active" ? secretNameOf(name, wanted) : wanted.backupKey;
    const inManifest =
      secretName === undefined ? undefined : findKeySecret(documents, { namespace, name: secretName })?.key;
    const key = [...given, ...(inManifest === undefined ? [] : [inManifest])].find((candidate) =>
      isKey(candidate, expected),
    );
    if (secretName === undefined) findings.push(withoutBackupKey(expected.name));
    else if (key === undefined)
      findings.push(
        withoutKey(expected.name, {
          of: { namespace, name },
          role,
          secretName,
          given,
          isThere: inManifest !== undefined,
        }),
      );
    else {
      findings.push({ guard, verdict: "equal", text: `the ${role} key is ${expected.name}, which the record names` });
      keys.push({ role, secretName, key });
    }
  }
  for (const other of given)
    if (!recorded.some((known) => isKey(other, known)) && keys.length === recorded.length)
      findings.push(
        mismatch(
          `encryption-key has a key, ${encryptionKeyName(other)}, that is not of the snapshot`,
          "leave it out, or restore the snapshot that it belongs to",
        ),
      );
  return { findings, keys };
}

function checkSecretNames(hostedCluster: string, wanted: Aescbc): Finding[] {
  const active = secretNameOf(hostedCluster, wanted);
  const unsuitable = (text: string, hint: string): Finding => refuse(guard, "manifest-unsuitable", text, hint);
  return [
    ...(hasSecretNames(hostedCluster, wanted)
      ? []
      : [unsuitable("the manifest names its encryption Secret with no name of Kubernetes", "give it a valid name")]),
    ...(wanted.backupKey === active
      ? [
          unsuitable(
            `the manifest names one Secret, ${quote(active)}, for activeKey and backupKey: it holds one key`,
            "give each key a Secret of its own, or remove backupKey",
          ),
        ]
      : []),
  ];
}

/** False where one of its Secrets has no name of Kubernetes: such a name is looked for nowhere, and stands in no command. */
function hasSecretNames(hostedCluster: string, wanted: Aescbc): boolean {
  const active = secretNameOf(hostedCluster, wanted);
  return [active, wanted.backupKey ?? active].every(isObjectName);
}

/** Name of the Secret with the active key; HyperShift's own where the manifest gives none. */
export function secretNameOf(hostedCluster: string, { activeKey }: { readonly activeKey: string }): string {
  return activeKey === "" ? `${hostedCluster}-etcd-encryption-key` : activeKey;
}

function listKeyless(documents: readonly ManifestDocument[], namespace: string, name: string): readonly Finding[] {
  if (findKeySecret(documents, { namespace, name }) !== undefined) return [];
  const text = `the manifest has no Secret ${quote(name)}: create it, with a key of 32 random bytes, before the manifest is applied`;
  return [{ guard, verdict: "warning", text }];
}

function withoutKey(
  expected: string,
  found: {
    readonly of: ObjectRef;
    readonly role: RecordedKey["role"];
    readonly secretName: string;
    readonly given: readonly Buffer[];
    readonly isThere: boolean;
  },
): Finding {
  const { role, secretName, given, isThere } = found;
  const { namespace, name } = found.of;
  const names = given.map((key) => encryptionKeyName(key)).join(", ");
  const hint = `take the key of the cluster that the snapshot was made of: kubectl get secret ${secretName} -n ${namespace} -o jsonpath={.data.key} prints it as base64 where that cluster still lives`;
  if (role === "backup")
    return mismatch(
      `a part of the snapshot may be encrypted with a second key, ${expected}: neither encryption-key nor the manifest's Secret ${secretName} has it`,
      "give it as second line of encryption-key",
    );
  if (given.length > 0)
    return mismatch(
      `encryption-key is another key than that of this snapshot of ${namespace}/${name}: its name in HyperShift's configuration is ${names}, and the snapshot's is ${expected}`,
      hint,
    );
  return isThere
    ? mismatch(`the key in the manifest's Secret ${secretName} is not the snapshot's (${expected} is)`, hint)
    : mismatch(
        `encryption-key is not set, and the manifest has no Secret ${secretName} with a key`,
        "set encryption-key to the key of the encryption Secret of the old cluster, age-identity where the backup sealed it, or kubeconfig where the old cluster still lives",
      );
}

/** Values that were not written again since the last rotation are still encrypted with the key before. */
function withoutBackupKey(expected: string): Finding {
  return mismatch(
    `a part of the snapshot may be encrypted with a second key, ${expected}, and the manifest names no backupKey`,
    "set spec.secretEncryption.aescbc.backupKey, and give that key as second line of encryption-key or in its Secret",
  );
}

function compareTypes({ type: recorded, kms = {} }: EncryptionEntry, wanted: SecretEncryption): Finding[] {
  if (recorded === "kms") {
    if (wanted.type !== "kms") return [typeMismatch(recorded, wanted)];
    const text =
      "the snapshot's Secrets are encrypted with KMS: the new cluster must be allowed to use the same KMS key";
    const findings: Finding[] = [{ guard, verdict: "warning", text }];
    const others = Object.entries(kms).filter(([name, id]) => wanted.ids[name] !== id);
    if (others.length > 0) findings.push(otherKms(others, wanted.ids));
    return findings;
  }
  // The API server reads what is in clear whatever it writes with (identity is its last provider).
  if (wanted.type === "kms" || wanted.type === "unknown") return [typeMismatch(recorded, wanted)];
  if (wanted.type === "none") return [{ guard, verdict: "equal", text: "none" }];
  const text = "the snapshot's Secrets are in clear, and stay so in the new cluster until they are written again";
  return [{ guard, verdict: "differs", text }];
}

/** A warning: a key of a rotation may stand in another field, and a replica of a key has an id of its own. */
function otherKms(recorded: readonly (readonly [string, string])[], wanted: KmsIds): Finding {
  const show = (id: string | undefined): string => (id === undefined ? "absent" : quote(id));
  const each = recorded.map(([name, id]) => `${quote(name)} is ${show(id)}, and here ${show(wanted[name])}`).join("; ");
  return { guard, verdict: "warning", text: `the old cluster's KMS key was another than the manifest's: ${each}` };
}

function typeMismatch(recorded: EncryptionEntry["type"], wanted: SecretEncryption): Finding {
  return refuse(
    guard,
    "encryption-type-mismatch",
    `the snapshot's Secrets are encrypted with ${recorded}, the manifest's spec.secretEncryption says ${wanted.type}`,
    "render the manifest with the encryption of the old cluster; the new one could not read its Secrets",
  );
}

function mismatch(text: string, hint: string): Finding {
  return refuse(guard, "encryption-key-mismatch", text, hint);
}

/**
 * Does checkEncryption for a snapshot that no record describes: the keys are taken as they are given, in the order
 * active, backup, and the proof of the bytes shows whether they decrypt it. Refuses with `encryption-key-mismatch`
 * where the manifest encrypts and has no key.
 */
export function checkUnrecordedKeys(
  documents: readonly ManifestDocument[],
  target: TargetCluster,
  given: readonly Buffer[],
): KeyCheck {
  const { name, namespace, secretEncryption: wanted } = target.cluster;
  if (wanted.type !== "aescbc") {
    if (given.length > 0) return { findings: [typeMismatch("aescbc", wanted)], keys: [] };
    const text = "no record says whether the snapshot's Secrets are encrypted, and the manifest has no key for them";
    return { findings: [{ guard, verdict: "warning", text }], keys: [] };
  }
  const findings = checkSecretNames(name, wanted);
  if (!hasSecretNames(name, wanted)) return { findings, keys: [] };
  const keys: EncryptionKey[] = [];
  for (const [index, role] of (["active", "backup"] as const).entries()) {
    const secretName = role === "active" ? secretNameOf(name, wanted) : wanted.backupKey;
    if (secretName === undefined) {
      if (given[index] !== undefined) findings.push(withoutBackupKey(encryptionKeyName(given[index])));
      continue;
    }
    const key = given[index] ?? findKeySecret(documents, { namespace, name: secretName })?.key;
    if (key === undefined)
      findings.push(withoutKey("not known", { of: { namespace, name }, role, secretName, given: [], isThere: false }));
    else {
      const text = `no record names a key; ${encryptionKeyName(key)} is taken as the ${role} one where it opens the snapshot's values`;
      findings.push({ guard, verdict: "warning", text });
      keys.push({ role, secretName, key });
    }
  }
  return { findings, keys };
}
