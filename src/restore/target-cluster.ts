import { ActionError } from "../errors.ts";
import { isObjectName } from "../names.ts";
import { parseHostedCluster, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import { at, stringAt } from "../json-path.ts";
import { quote } from "../shown-text.ts";
import type { ManifestDocument } from "./manifest.ts";

const apiVersion = "hypershift.openshift.io/v1beta1";

/** Where HyperShift's API has the URL that a new etcd starts from. */
export const storagePath = ["spec", "etcd", "managed", "storage"] as const;

/** The one HostedCluster of a manifest. */
export interface TargetCluster {
  /** Index of its document. */
  readonly index: number;
  /** Read from the manifest: numbers are text in it. */
  readonly cluster: HostedCluster;
}

/** A manifest as it was read. */
export interface ReadManifest {
  readonly documents: readonly ManifestDocument[];
  readonly target: TargetCluster;
}

/** Throws `manifest-unsuitable` where there is not exactly one that has a name and a namespace. */
export function readTargetCluster(documents: readonly ManifestDocument[]): TargetCluster {
  // kubectl applies the items of a list as if they were documents.
  if (documents.some(({ value }) => at(value, "items") !== undefined))
    throw unsuitable("holds a list of objects", "give each object as a document of its own");
  // kubectl applies the documents before such a one, and ends there.
  for (const { value } of documents)
    if (value !== undefined && (stringAt(value, "kind") === undefined || stringAt(value, "apiVersion") === undefined))
      throw unsuitable("has a document without kind or apiVersion", "give each object both, or remove the document");
  const found = documents.flatMap((document, index) =>
    stringAt(document.value, "kind") === "HostedCluster" ? [{ document, index }] : [],
  );
  const [first, ...others] = found;
  if (first === undefined)
    throw unsuitable(
      documents.every(({ value }) => value === undefined) ? "is empty" : "has no HostedCluster",
      "give the output of hypershift create cluster --render",
    );
  if (others.length > 0)
    throw unsuitable(
      `has ${String(found.length)} HostedClusters`,
      "restore one hosted cluster at a time, each with its own manifest",
    );
  const { document, index } = first;
  const version = stringAt(document.value, "apiVersion") ?? "";
  if (version !== apiVersion)
    throw unsuitable(`has a HostedCluster of apiVersion ${quote(version)}`, `render it as ${apiVersion}`);
  const cluster = parseHostedCluster(document.value);
  for (const field of ["name", "namespace"] as const)
    if (!isObjectName(cluster[field]))
      throw unsuitable(
        `has a HostedCluster with metadata.${field} ${quote(cluster[field])}`,
        "give it a name and a namespace of lower-case letters, digits and hyphens",
      );
  return { index, cluster };
}

/** Whether `value` is an object of this kind of Kubernetes itself: others have objects of the same kind in groups of their own. */
export function isOfCore(value: unknown, kind: "Secret" | "ConfigMap"): boolean {
  return stringAt(value, "kind") === kind && stringAt(value, "apiVersion") === "v1";
}

/** A failure of the manifest as a whole; `problem` completes "the manifest …". */
export function unsuitable(problem: string, hint: string): ActionError {
  return new ActionError("manifest-unsuitable", `the manifest ${problem}`, { hint });
}
