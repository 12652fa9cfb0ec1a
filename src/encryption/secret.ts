import { ActionError } from "../errors.ts";
import { aesKeyBytes } from "../etcd/aescbc.ts";
import type { HostedCluster, SecretEncryption } from "../hypershift/hosted-cluster.ts";
import type { KmsIds } from "../hypershift/kms.ts";
import type { ManagementCluster, ObjectRef } from "../ports.ts";
import { createEncryptionKey, type EncryptionKey } from "./key.ts";

/** How the Secrets in etcd are encrypted, with the keys that read them. */
export interface Encryption {
  readonly type: "aescbc" | "kms" | "none";
  /** The Secret of the active key. */
  readonly secret?: ObjectRef;
  readonly keys: readonly KeptKey[];
  /** The keys that a KMS has, where the type is `kms`. */
  readonly kms?: KmsIds;
}

/** A key, and the Secret that it was read of. */
type KeptKey = EncryptionKey & { readonly secret: ObjectRef };

/** The Secrets whose keys a hosted cluster's data needs, the active one first. */
export function listKeySecrets({
  namespace,
  secretEncryption,
}: Pick<HostedCluster, "namespace" | "secretEncryption">): readonly (ObjectRef & {
  readonly role: EncryptionKey["role"];
})[] {
  if (secretEncryption.type !== "aescbc") return [];
  const { activeKey, backupKey } = secretEncryption;
  return [
    { namespace, name: activeKey, role: "active" },
    ...(backupKey === undefined ? [] : [{ namespace, name: backupKey, role: "backup" } as const]),
  ];
}

/**
 * Reads the keys, each masked by `onSecret` before anything else is done with it. Throws `hosted-cluster-unsuitable`,
 * `encryption-key-missing`, `encryption-key-invalid`; what rotates is refused by `refuseRotation`.
 */
export async function readEncryption(
  hostedCluster: HostedCluster,
  world: {
    readonly cluster: Pick<ManagementCluster, "findSecret">;
    readonly onSecret: (value: Buffer) => void;
  },
): Promise<Encryption> {
  const type = knownType(hostedCluster);
  const [secret, ...others] = listKeySecrets(hostedCluster);
  const keys: KeptKey[] = [];
  for (const { namespace, name, role } of secret === undefined ? [] : [secret, ...others]) {
    const data = await world.cluster.findSecret({ namespace, name });
    const bytes = takeKey({ namespace, name }, data, world.onSecret);
    keys.push({ ...createEncryptionKey(bytes, role), secret: { namespace, name } });
  }
  const active = secret && { secret: { namespace: secret.namespace, name: secret.name } };
  const { secretEncryption } = hostedCluster;
  return { type, ...active, keys, ...(secretEncryption.type === "kms" ? { kms: secretEncryption.ids } : {}) };
}

function knownType({ namespace, name, secretEncryption }: HostedCluster): Exclude<SecretEncryption["type"], "unknown"> {
  if (secretEncryption.type !== "unknown") return secretEncryption.type;
  throw new ActionError(
    "hosted-cluster-unsuitable",
    `hosted cluster ${namespace}/${name} encrypts its Secrets in a way that this version does not know`,
    { hint: "look at spec.secretEncryption.type; the snapshot could not be restored without its key" },
  );
}

function takeKey(
  { namespace, name }: ObjectRef,
  data: Readonly<Record<string, Buffer>> | undefined,
  onSecret: (value: Buffer) => void,
): Buffer {
  const hint = "without this key a restored cluster cannot read its Secrets; find out what became of it";
  const key = data?.["key"];
  if (key === undefined)
    throw new ActionError(
      "encryption-key-missing",
      `Secret ${name} in ${namespace} ${data ? "has no data.key" : "is missing"}`,
      { hint },
    );
  onSecret(key);
  // HyperShift passes on whatever the Secret has, and the API server takes these.
  if (!aesKeyBytes.includes(key.length))
    throw new ActionError(
      "encryption-key-invalid",
      `data.key of Secret ${name} in ${namespace} has ${String(key.length)} bytes, not 16, 24 or 32${describeWrapping(key)}`,
      { hint },
    );
  return key;
}

/** In what a key seems to be wrapped, as the end of a sentence; empty where it is none of the usual. Says nothing of its bytes. */
function describeWrapping(key: Buffer): string {
  const isKey = ({ length }: Buffer): boolean => aesKeyBytes.includes(length);
  const text = key.toString("latin1").trim();
  const decoded = Buffer.from(text, "base64");
  if (isKey(decoded) && decoded.toString("base64") === text) return ": likely base64 of base64";
  if (/^(?:[0-9a-f]{2})+$/i.test(text) && isKey(Buffer.from(text, "hex"))) return ": likely a key in hex";
  if (isKey(Buffer.from(text, "latin1"))) return ": likely a key with white space around it, as echo adds it";
  return "";
}
