import { at } from "../hypershift/json-path.ts";
import { editDocument, setText } from "./document-edit.ts";
import type { EncryptionKey } from "./encryption-key.ts";
import { findKeySecret, renderKeySecret, setKey } from "./key-secret.ts";
import type { ManifestDocument } from "./manifest.ts";
import { storagePath, unsuitable, type TargetCluster } from "./target-cluster.ts";

const urlPath = [...storagePath, "restoreSnapshotURL"];
const keyNamePath = ["spec", "secretEncryption", "aescbc", "activeKey", "name"];

/**
 * The text of `documents` with the URL in the HostedCluster and the key in its encryption Secret, which is added before the
 * HostedCluster where it is missing. Every other document stays as it is, byte by byte.
 * Throws `manifest-unsuitable` for a HostedCluster that restores from another snapshot already.
 */
export function renderRestoredManifest(
  documents: readonly ManifestDocument[],
  target: TargetCluster,
  url: string,
  encryption: EncryptionKey | undefined,
): string {
  const texts = documents.map((document, index) =>
    index === target.index
      ? editDocument(document, (clone) => {
          refuseOtherSnapshot(document.value, url);
          clone.setIn(urlPath, clone.createNode([url]));
          if (encryption !== undefined) setText(clone, keyNamePath, encryption.secretName);
        })
      : document.text,
  );
  if (encryption !== undefined) putKey(texts, documents, target, encryption);
  return texts.join("");
}

/** Changes or adds the text of the Secret. */
function putKey(
  texts: string[],
  documents: readonly ManifestDocument[],
  target: TargetCluster,
  { secretName, key }: EncryptionKey,
): void {
  const ref = { namespace: target.cluster.namespace, name: secretName };
  const secret = findKeySecret(documents, ref);
  if (secret === undefined) {
    const added = renderKeySecret(ref, key);
    const next = texts[target.index] ?? "";
    texts.splice(target.index, 0, next.startsWith("---") ? `---\n${added}` : `${added}---\n`);
  } else if (secret.key?.equals(key) !== true) {
    texts[secret.index] = editDocument(secret.document, (clone) => {
      setKey(clone, key);
    });
  }
}

/** A manifest that was rendered before may be rendered again: the URL is of the same object then, and made anew. */
function refuseOtherSnapshot(hostedCluster: unknown, url: string): void {
  const present = at(hostedCluster, ...urlPath) ?? [];
  for (const entry of Array.isArray(present) ? (present as readonly unknown[]) : [present])
    if (typeof entry !== "string" || renderAddress(entry) !== renderAddress(url))
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
