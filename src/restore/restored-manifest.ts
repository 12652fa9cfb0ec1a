import { at } from "../json-path.ts";
import { editDocument, findLineBreak } from "./document-edit.ts";
import { ActionError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { FilledIds } from "./cluster-identity.ts";
import { secretNameOf } from "./encryption-key.ts";
import { findKeySecret, renderKeySecret, setKey, type KeptKey } from "./key-secret.ts";
import { parseManifest, type ManifestDocument } from "./manifest.ts";
import { readTargetCluster, storagePath, unsuitable, type TargetCluster } from "./target-cluster.ts";

const urlPath = [...storagePath, "restoreSnapshotURL"];
const keyNamePaths = {
  active: ["spec", "secretEncryption", "aescbc", "activeKey", "name"],
  backup: ["spec", "secretEncryption", "aescbc", "backupKey", "name"],
  signing: ["spec", "serviceAccountSigningKey", "name"],
} as const;

/** The additions of the manifest. */
export interface Additions {
  /** Secret. */
  readonly url: string;
  readonly keys: readonly KeptKey[];
  readonly filled: FilledIds;
}

/**
 * The text of `documents` with the URL and the filled ids in the HostedCluster, and each key in its Secret, which is added
 * before the HostedCluster where it is missing. Everything else stays as it is, byte by byte.
 * Throws `manifest-unsuitable` for a HostedCluster that restores from another snapshot already, or whose layout cannot be edited,
 * `encryption-key-mismatch` where the result would not give the new cluster the keys.
 */
export function renderRestoredManifest(
  documents: readonly ManifestDocument[],
  target: TargetCluster,
  { url, keys, filled }: Additions,
): string {
  const texts = documents.map((document, index) => {
    if (index !== target.index) return document.text;
    refuseOtherSnapshot(document.value, url);
    return editDocument(document, [
      { path: urlPath, value: [url] },
      ...Object.entries(filled).map(([field, value]) => ({ path: ["spec", field], value })),
      ...keys.map(({ role, secretName }) => ({ path: keyNamePaths[role], value: secretName })),
    ]);
  });
  const added = keys.flatMap((key) => putKey(texts, documents, target, key));
  texts.splice(target.index, 0, ...added);
  const text = texts.join("");
  proveKeys(text, keys);
  return text;
}

/** Reads the result as the new cluster will: each Secret that it names for a role has the key of that role. */
function proveKeys(text: string, keys: readonly KeptKey[]): void {
  const documents = parseManifest(Buffer.from(text));
  const { cluster } = readTargetCluster(documents);
  const { namespace } = cluster;
  for (const { role, key } of keys) {
    const secretName = secretOf(role, cluster);
    if (findKeySecret(documents, { namespace, name: secretName })?.key?.equals(key) === true) continue;
    throw new ActionError(
      "encryption-key-mismatch",
      `the rendered manifest would not have the ${role} key in the Secret ${secretName}`,
      { hint: "give each key a Secret of its own" },
    );
  }
}

function secretOf(role: KeptKey["role"], { name, secretEncryption, serviceAccountSigningKey }: HostedCluster): string {
  if (role === "signing") return serviceAccountSigningKey ?? "";
  if (secretEncryption.type !== "aescbc") throw new ActionError("internal", "the encryption was rendered away");
  return role === "active" ? secretNameOf(name, secretEncryption) : (secretEncryption.backupKey ?? "");
}

/** Changes the text of the Secret, or returns the text to add. */
function putKey(
  texts: string[],
  documents: readonly ManifestDocument[],
  target: TargetCluster,
  { secretName, key }: KeptKey,
): readonly string[] {
  const ref = { namespace: target.cluster.namespace, name: secretName };
  const secret = findKeySecret(documents, ref);
  if (secret === undefined) {
    const next = texts[target.index] ?? "";
    const lineBreak = findLineBreak(next);
    const added = renderKeySecret(ref, key, lineBreak);
    return [next.startsWith("---") ? `---${lineBreak}${added}` : `${added}---${lineBreak}`];
  }
  if (secret.key?.equals(key) !== true) texts[secret.index] = setKey(secret.document, key);
  return [];
}

/** A manifest that was rendered before may be rendered again: the URL is of the same object then, and made anew. */
function refuseOtherSnapshot(hostedCluster: unknown, url: string): void {
  const present = at(hostedCluster, ...urlPath) ?? [];
  const entries: readonly unknown[] = Array.isArray(present) ? present : [present];
  for (const entry of entries)
    if (entries.length > 1 || typeof entry !== "string" || renderAddress(entry) !== renderAddress(url))
      throw unsuitable(
        `restores from another snapshot already (${urlPath.join(".")})`,
        "remove that field, or render the manifest anew",
      );
}

/** Without the signature. */
function renderAddress(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null ? "" : parsed.origin + parsed.pathname;
}
