import { isMap } from "yaml";
import { ActionError } from "../errors.ts";
import { parseHostedCluster, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import { at, stringAt } from "../hypershift/json-path.ts";
import type { ManifestDocument } from "./manifest.ts";

const apiVersion = "hypershift.openshift.io/v1beta1";

/** Where HyperShift's API has the URL that a new etcd starts from. */
export const storagePath = ["spec", "etcd", "managed", "storage"] as const;

/** The one HostedCluster of a manifest. */
export interface TargetCluster {
  /** Of its document. */
  readonly index: number;
  /** Read from the manifest: numbers are text in it. */
  readonly cluster: HostedCluster;
}

/** Throws `manifest-unsuitable` where there is not exactly one that can take a snapshot, `etcd-unmanaged`. */
export function readTargetCluster(documents: readonly ManifestDocument[]): TargetCluster {
  // kubectl applies the items of a list as if they were documents.
  if (documents.some(({ value }) => Array.isArray(at(value, "items"))))
    throw unsuitable("holds a list of objects", "give each object as a document of its own");
  const found = documents.flatMap((document, index) =>
    stringAt(document.value, "kind") === "HostedCluster" ? [{ document, index }] : [],
  );
  const [first, ...others] = found;
  if (first === undefined)
    throw unsuitable("has no HostedCluster", "give the output of hypershift create cluster --render");
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
    if (!isName(cluster[field]))
      throw unsuitable(
        `has a HostedCluster with metadata.${field} ${quote(cluster[field])}`,
        "give it a name and a namespace of lower-case letters, digits and hyphens",
      );
  refuseForeignEtcd(cluster);
  if (!isMap(document.document.getIn(storagePath)))
    throw unsuitable(`has no ${storagePath.join(".")}`, "give the output of hypershift create cluster --render");
  return { index, cluster };
}

/** A failure of the manifest as a whole; `problem` completes "the manifest …". */
export function unsuitable(problem: string, hint: string): ActionError {
  return new ActionError("manifest-unsuitable", `the manifest ${problem}`, { hint });
}

/** Text of a manifest or record for a message: on one line, in quotes, cut. */
export function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

/** Names of Kubernetes objects (RFC 1123 subdomains). */
export function isName(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(text);
}

function refuseForeignEtcd({ etcd }: HostedCluster): void {
  if (etcd.managementType !== "Managed")
    throw new ActionError(
      "etcd-unmanaged",
      `the manifest's spec.etcd.managementType is ${quote(etcd.managementType)}, not "Managed"`,
      {
        hint: "HyperShift restores only an etcd that it runs itself; restore this one with the means of whoever runs it",
      },
    );
  if (etcd.sharded)
    throw new ActionError("etcd-unmanaged", "the manifest splits etcd into shards", {
      hint: "one snapshot cannot fill several; remove spec.etcd.managed.shards",
    });
}
