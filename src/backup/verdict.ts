import { ActionError, hasCode } from "../errors.ts";
import type { Encryption } from "../encryption/secret.ts";
import { assertKeysOpen, assertProvider } from "../etcd/encryption-check.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import type { SavedSnapshot } from "../pod/save.ts";
import type { Log } from "../ports.ts";

/** The verdict on whether the keys that were kept read what is encrypted. */
export interface KeysVerdict {
  /** Absent where nobody could prove it: the key is not in the hands of a backup, or nothing is encrypted that should be. */
  readonly keysProven?: boolean;
  /** Why they are not proven. */
  readonly failure?: ActionError;
}

/** Throws `proof-failed` where the stored file is not what the tools in the pod said of it. */
export function assertAsSaved(snapshot: Snapshot, saved: SavedSnapshot, pod: string): void {
  const { revision, hash, entries, liveKeys } = snapshot;
  const difference =
    revision !== saved.revision
      ? `revision ${String(saved.revision)}, and the stored file has ${String(revision)}`
      : hash !== saved.hash
        ? `hash ${saved.hash}, and that of the stored file is ${hash}`
        : // etcdctl and etcdutl up to 3.5 count the entries of every bucket, etcdutl 3.6 the live keys.
          saved.totalKeys !== entries && saved.totalKeys !== liveKeys
          ? `${String(saved.totalKeys)} keys, and the stored file has ${String(entries)} entries and ${String(liveKeys)} live keys`
          : undefined;
  if (difference === undefined) return;
  throw new ActionError("proof-failed", `the tools in pod ${pod} said of the snapshot ${difference}`, {
    hint: "look at the member's disk, then run again",
  });
}

/**
 * Throws `writers-not-stopped` where the file has changes behind the revision at which all API servers had stopped, other than
 * etcd's own: keys whose lease expired. An online snapshot has no such revision.
 */
export function assertQuiet({ tail }: Pick<Snapshot, "tail">): void {
  if (tail === undefined || tail.writes + tail.deletions === 0) return;
  throw new ActionError(
    "writers-not-stopped",
    `after the API servers had stopped, something else changed etcd: ${String(tail.writes)} writes and ${String(tail.deletions)} deletions are in the snapshot`,
    {
      hint: "find out who else has a client certificate of this etcd; quiesce: false takes a snapshot beside such writes",
    },
  );
}

/** Judges the configured encryption by the encrypted values of the file. Secrets in clear are a warning. */
export function judgeKeys({ encrypted, resources }: Snapshot, encryption: Encryption, log: Log): KeysVerdict {
  const { type, keys } = encryption;
  try {
    assertProvider(encrypted, type);
    warnOfClear(encrypted.groups, resources["secrets"]?.keys ?? 0, { type, log });
    assertKeysOpen(
      encrypted,
      keys.map(({ name }) => name),
    );
  } catch (error) {
    if (!hasCode(error, "encryption-key-unproven")) throw error;
    return { keysProven: false, failure: error };
  }
  if (type === "kms")
    log.warning(`${String(encrypted.values)} values are encrypted by KMS: whether its key is there is not proven`);
  if (type === "none" || (type === "aescbc" && encrypted.checked > 0)) return { keysProven: true };
  return {};
}

function warnOfClear(
  groups: Snapshot["encrypted"]["groups"],
  secrets: number,
  { type, log }: { readonly type: Encryption["type"]; readonly log: Log },
): void {
  const encryptedSecrets = groups
    .filter(({ resource }) => resource === "secrets")
    .reduce((sum, { values }) => sum + values, 0);
  if (type === "none" || encryptedSecrets >= secrets) return;
  log.warning(
    `${String(secrets - encryptedSecrets)} of ${String(secrets)} Secrets are in clear in etcd, although the hosted cluster is configured for ${type}; who reads the snapshot reads them`,
  );
}
