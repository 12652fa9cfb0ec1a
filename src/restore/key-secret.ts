import { at, stringAt } from "../json-path.ts";
import type { ObjectRef } from "../ports.ts";
import { quote } from "../shown-text.ts";
import { editDocument } from "./document-edit.ts";
import type { ManifestDocument } from "./manifest.ts";
import { isOfCore, unsuitable } from "./target-cluster.ts";

/** A key of the old cluster, and the Secret in which the new one must have it. */
export interface KeptKey {
  readonly role: "active" | "backup" | "signing";
  readonly secretName: string;
  readonly key: Buffer;
}

/** A Secret of the manifest. */
interface KeySecret {
  readonly document: ManifestDocument;
  /** Index of its document. */
  readonly index: number;
  /** The bytes that it gives as `key` once applied; undefined where that is not base64, or nothing. */
  readonly key: Buffer | undefined;
}

/** undefined when the manifest has no such Secret. Throws `manifest-unsuitable` when it is not clear which one counts. */
export function findKeySecret(documents: readonly ManifestDocument[], ref: ObjectRef): KeySecret | undefined {
  const found = documents.flatMap((document, index) => {
    const { value } = document;
    if (!isOfCore(value, "Secret") || stringAt(value, "metadata", "name") !== ref.name) return [];
    const namespace = stringAt(value, "metadata", "namespace");
    if (namespace === undefined)
      throw unsuitable(
        `has a Secret ${quote(ref.name)} without a namespace`,
        `set its metadata.namespace to ${ref.namespace}, that of the HostedCluster`,
      );
    return namespace === ref.namespace ? [{ document, index, key: readKey(value) }] : [];
  });
  if (found.length > 1) throw unsuitable(`has the Secret ${quote(ref.name)} more than once`, "keep one of them");
  return found[0];
}

/** The text of the Secret with `key`, whatever it has; `stringData` would win over `data` where both name it. */
export function setKey(secret: ManifestDocument, key: Buffer): string {
  const isShadowed = at(secret.value, "stringData", "key") !== undefined;
  return editDocument(secret, [
    ...(isShadowed ? [{ path: ["stringData", "key"], value: undefined }] : []),
    { path: ["data", "key"], value: key.toString("base64") },
  ]);
}

/** The Secret of `hypershift create cluster`, but without the label that lets HyperShift delete it with the cluster. */
export function renderKeySecret(ref: ObjectRef, key: Buffer, lineBreak: string): string {
  return [
    "apiVersion: v1",
    "data:",
    `  key: "${key.toString("base64")}"`,
    "kind: Secret",
    "metadata:",
    `  name: "${ref.name}"`,
    `  namespace: "${ref.namespace}"`,
    "type: Opaque",
    "",
  ].join(lineBreak);
}

function readKey(secret: unknown): Buffer | undefined {
  const text = at(secret, "stringData", "key");
  // Also where it is empty, or null: the API server writes it over what data has.
  if (text !== undefined) return typeof text === "string" && text !== "" ? Buffer.from(text) : undefined;
  const base64 = stringAt(secret, "data", "key")?.replaceAll(/[\r\n]/g, "") ?? "";
  const key = Buffer.from(base64, "base64");
  // Buffer.from skips what is not base64; only the canonical text comes back as it was.
  return base64 !== "" && key.toString("base64") === base64 ? key : undefined;
}
