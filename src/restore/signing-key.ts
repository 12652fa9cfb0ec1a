import { createHash } from "node:crypto";
import type { TakenKeys } from "../encryption/expected-keys.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import { isObjectName } from "../names.ts";
import type { SnapshotRecord } from "../snapshots/record.ts";
import { quote } from "../shown-text.ts";
import { secretNameOf } from "./encryption-key.ts";
import { refuse, type Finding } from "./findings.ts";
import { findKeySecret, type KeptKey } from "./key-secret.ts";
import type { ReadManifest } from "./target-cluster.ts";

const guard = "spec.serviceAccountSigningKey";
const consequence = "every token of a ServiceAccount in the snapshot is void";

/** Findings, and the key to render where it is at hand. */
export interface SigningKeyCheck {
  readonly findings: readonly Finding[];
  readonly keys: readonly KeptKey[];
}

/**
 * The key that signed the tokens in the snapshot, for the Secret that the manifest names, or else for one of its old name. Where it
 * is not at hand, a warning says what breaks. Refuses with `manifest-unsuitable` a Secret that is none, or that has another key.
 */
export function checkSigningKey(
  { documents, target }: ReadManifest,
  taken: TakenKeys["signingKey"],
  record: SnapshotRecord | undefined,
): SigningKeyCheck {
  const { namespace, serviceAccountSigningKey: named } = target.cluster;
  const find = (name: string): Buffer | undefined => findKeySecret(documents, { namespace, name })?.key;
  const there = named === undefined ? undefined : find(named);
  if (taken !== undefined) {
    const secretName = named ?? taken.secretName;
    const refused = findUnsuitable(secretName, target.cluster);
    if (refused !== undefined) return tell(refused);
    const finding: Finding =
      there?.equals(taken.bytes) === true
        ? { guard, verdict: "equal", text: `Secret ${secretName} has the key of the old cluster` }
        : { guard, verdict: "filled", text: `the key of the old cluster is rendered as Secret ${secretName}` };
    return { findings: [finding], keys: [{ role: "signing", secretName, key: taken.bytes }] };
  }
  return tell(findOwn({ named, there, namespace, recorded: record?.serviceAccountSigningKey }));
}

function findUnsuitable(secretName: string, { name, secretEncryption }: HostedCluster): Finding | undefined {
  const unsuitable = (text: string, hint: string): Finding => refuse(guard, "manifest-unsuitable", text, hint);
  if (!isObjectName(secretName)) return unsuitable(`it names its Secret ${quote(secretName)}`, "give it a valid name");
  const others =
    secretEncryption.type === "aescbc" ? [secretNameOf(name, secretEncryption), secretEncryption.backupKey] : [];
  return others.includes(secretName)
    ? unsuitable(
        `it names Secret ${quote(secretName)}, which has an encryption key: it holds one key`,
        "give each key a Secret of its own",
      )
    : undefined;
}

/** What becomes of the tokens with what the manifest has by itself. */
function findOwn({
  named,
  there,
  namespace,
  recorded,
}: {
  readonly named: string | undefined;
  readonly there: Buffer | undefined;
  readonly namespace: string;
  readonly recorded: SnapshotRecord["serviceAccountSigningKey"];
}): Finding {
  const warn = (text: string): Finding => ({ guard, verdict: "warning", text });
  const kept = recorded === undefined ? "" : `; the old cluster's was in Secret ${quote(recorded.secretName)}`;
  if (named === undefined)
    return warn(
      `it is not set: the new cluster signs with a new key, and ${consequence}${kept}${recorded === undefined ? "" : ": age-identity or kubeconfig may give it"}`,
    );
  if (there === undefined)
    return warn(
      `the manifest has no Secret ${quote(named)}: create it in namespace ${namespace} before the manifest is applied, with the key of the old cluster, or ${consequence}${kept}`,
    );
  const sha256 = createHash("sha256").update(there).digest("hex");
  if (recorded?.sha256 === sha256)
    return { guard, verdict: "equal", text: `Secret ${quote(named)} has the key that the record names` };
  return warn(
    recorded?.sha256 === undefined
      ? `whether Secret ${quote(named)} has the key of the old cluster is not known: with another one ${consequence}`
      : `the key in Secret ${quote(named)} is not the one that the record names: ${consequence}${kept}`,
  );
}

function tell(finding: Finding): SigningKeyCheck {
  return { findings: [finding], keys: [] };
}
