import { ActionError } from "../errors.ts";
import { createHash } from "node:crypto";
import { encryptionKeyName } from "../hypershift/encryption-key.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { EncryptionEntry } from "../snapshot/record.ts";
import { deniedAccess, secretAccess } from "./access.ts";
import type { BackupWorld } from "./world.ts";

const keyBytes = 32;

/**
 * How the Secrets in etcd are encrypted, with the fingerprint of each key; the keys themselves are not kept.
 * Throws `encryption-key-missing`, `encryption-key-invalid`, `encryption-key-rotating` or `permission-missing`.
 */
export async function readEncryption(hostedCluster: HostedCluster, world: BackupWorld): Promise<EncryptionEntry> {
  const { namespace, secretEncryption } = hostedCluster;
  const name = `${namespace}/${hostedCluster.name}`;
  if (secretEncryption.type === "unknown")
    throw new ActionError(
      "hosted-cluster-unsuitable",
      `hosted cluster ${name} encrypts its Secrets in a way that this version does not know`,
      { hint: "look at spec.secretEncryption.type; the snapshot could not be restored without its key" },
    );
  const entry =
    secretEncryption.type === "aescbc"
      ? await readKeys(namespace, secretEncryption, world)
      : { type: secretEncryption.type };
  refuseRotation(hostedCluster, entry);
  return entry;
}

async function readKeys(
  namespace: string,
  { activeKey, backupKey }: { readonly activeKey: string; readonly backupKey: string | undefined },
  world: BackupWorld,
): Promise<EncryptionEntry> {
  const keys = [
    await readKey(namespace, activeKey, "active", world),
    ...(backupKey === undefined ? [] : [await readKey(namespace, backupKey, "backup", world)]),
  ];
  return { type: "aescbc", secretName: activeKey, secretNamespace: namespace, keys };
}

/**
 * Throws `encryption-key-rotating` where data may be encrypted with another key than the one of `entry`: in a rotation, and
 * after the spec has changed and before HyperShift has begun one.
 */
export function refuseRotation(hostedCluster: HostedCluster, entry: EncryptionEntry): void {
  const { confirmedKeySha256: confirmed, keyRotating } = hostedCluster;
  const activeSha256 = entry.keys?.find(({ role }) => role === "active")?.sha256 ?? "";
  const isRotating = entry.type === "aescbc" && keyRotating;
  if (!isRotating && (confirmed === undefined || confirmed === activeSha256)) return;
  const name = `${hostedCluster.namespace}/${hostedCluster.name}`;
  throw new ActionError("encryption-key-rotating", `the encryption key of ${name} is being rotated, or is to be`, {
    hint: "wait until status.secretEncryption of the hosted cluster says Completed, with the key that its spec names; until then data is encrypted with another one",
  });
}

async function readKey<Role extends "active" | "backup">(
  namespace: string,
  name: string,
  role: Role,
  world: BackupWorld,
): Promise<{ name: string; sha256: string; role: Role }> {
  const [denied] = await world.cluster.findDeniedAccesses([secretAccess(namespace, name)]);
  if (denied) throw deniedAccess(denied);
  const secret = await world.cluster.findSecret({ namespace, name });
  const hint = "without this key a restored cluster cannot read its Secrets; find out what became of it";
  const key = secret?.["key"];
  if (key === undefined)
    throw new ActionError(
      "encryption-key-missing",
      `Secret ${name} in ${namespace} ${secret ? "has no data.key" : "is missing"}`,
      { hint },
    );
  world.onSecret(key);
  if (key.length !== keyBytes)
    throw new ActionError(
      "encryption-key-invalid",
      `data.key of Secret ${name} in ${namespace} has ${String(key.length)} bytes, not ${String(keyBytes)}`,
      { hint },
    );
  return { name: encryptionKeyName(key), sha256: createHash("sha256").update(key).digest("hex"), role };
}
