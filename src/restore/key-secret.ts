import { isMap, type Document } from "yaml";
import { stringAt } from "../hypershift/json-path.ts";
import type { ObjectRef } from "../ports.ts";
import { setText } from "./document-edit.ts";
import type { ManifestDocument } from "./manifest.ts";

import { unsuitable } from "./target-cluster.ts";

/** A Secret of the manifest. */
interface KeySecret {
  readonly document: ManifestDocument;
  /** Of its document. */
  readonly index: number;
  /** What it gives as `key` once applied; undefined where that is no base64. */
  readonly key: Buffer | undefined;
}

/** undefined when the manifest has no such Secret. Throws `manifest-unsuitable` when it is not clear which one counts. */
export function findKeySecret(documents: readonly ManifestDocument[], ref: ObjectRef): KeySecret | undefined {
  const found = documents.flatMap((document, index) => {
    const { value } = document;
    if (stringAt(value, "kind") !== "Secret" || stringAt(value, "metadata", "name") !== ref.name) return [];
    const namespace = stringAt(value, "metadata", "namespace");
    if (namespace === undefined)
      throw unsuitable(
        `has a Secret ${ref.name} without a namespace`,
        `set its metadata.namespace to ${ref.namespace}, that of the HostedCluster`,
      );
    return namespace === ref.namespace ? [{ document, index, key: readKey(value) }] : [];
  });
  if (found.length > 1) throw unsuitable(`has the Secret ${ref.name} more than once`, "keep one of them");
  return found[0];
}

/** Gives the Secret `key`, whatever it has; `stringData` would win over `data` where both name it. */
export function setKey(document: Document, key: Buffer): void {
  const stringData = document.get("stringData");
  if (isMap(stringData)) stringData.delete("key");
  setText(document, ["data", "key"], key.toString("base64"));
}

/** As `hypershift create cluster` makes it, but without the label that lets HyperShift delete it with the cluster. */
export function renderKeySecret(ref: ObjectRef, key: Buffer): string {
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
  ].join("\n");
}

function readKey(secret: unknown): Buffer | undefined {
  const text = stringAt(secret, "stringData", "key");
  if (text !== undefined) return Buffer.from(text);
  const base64 = stringAt(secret, "data", "key")?.replaceAll(/[\r\n]/g, "") ?? "";
  const key = Buffer.from(base64, "base64");
  // Buffer.from skips what is no base64; only the canonical text comes back as it was.
  return base64 !== "" && key.toString("base64") === base64 ? key : undefined;
}
