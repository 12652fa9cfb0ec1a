import { parseKubeconfig, type Kubeconfig } from "../../kubeconfig/context.ts";
import { controlPlaneNamespace } from "../../hypershift/hosted-cluster.ts";
import type { ObjectRef } from "../../ports.ts";
import { snapshotKey } from "../../snapshots/location.ts";
import type { Given, ReadInput } from "./names.ts";
import { findKey, readPrefix } from "./store.ts";
import { findLine, findText, invalidInput, readFields, readText } from "./value.ts";

/** The management cluster and the hosted cluster. */
export interface ClusterInputs {
  readonly kubeconfig: Kubeconfig;
  readonly hostedCluster: ObjectRef;
  /** Reads the runs of this repository; absent: a run counts as dead by its deadline alone. */
  readonly githubToken?: string;
}

/** Throws `input-missing`, `input-invalid`, `kubeconfig-invalid`, `kubeconfig-refused`, or `inputs-invalid` with several. */
export function readCluster(given: Given): ClusterInputs {
  return readFields({
    kubeconfig: () => readKubeconfig(given),
    hostedCluster: () => readHostedCluster(given.read),
    githubToken: () => findKey(given.read, "github-token"),
  });
}

/** The context of the kubeconfig that is used. Nothing is run or contacted. */
export function readKubeconfig({ read, environment }: Given): Kubeconfig {
  const { text, context } = readFields({
    text: () => readText(read, "kubeconfig", "the kubeconfig of the management cluster, as text or base64 of it"),
    context: () => findLine(read, "kubeconfig-context", 500),
  });
  return parseKubeconfig(text, { environment, ...(context === undefined ? {} : { context }) });
}

/** Names as Kubernetes takes them; the client puts them into paths of the API as they are. */
export function readHostedCluster(read: ReadInput): ObjectRef {
  const label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
  const ref = readFields({
    namespace: () => {
      const namespace = findText(read, "hosted-cluster-namespace") ?? "clusters";
      if (namespace.length > 63 || !new RegExp(`^${label}$`).test(namespace))
        throw invalidInput("hosted-cluster-namespace", namespace, {
          rule: "a name of at most 63 lower-case letters, digits and hyphens",
          hint: "give the namespace that holds the HostedCluster: oc get hostedclusters -A",
        });
      return namespace;
    },
    name: () => {
      const name = readText(read, "hosted-cluster", "the name of the HostedCluster");
      if (name.length > 253 || !new RegExp(`^${label}(?:\\.${label})*$`).test(name))
        throw invalidInput("hosted-cluster", name, {
          rule: "a name of lower-case letters, digits, hyphens and dots",
          hint: hintName(name),
        });
      return name;
    },
  });
  if (controlPlaneNamespace(ref.namespace, ref.name).length > 63)
    throw invalidInput("hosted-cluster", ref.name, {
      rule: "so short that <namespace>-<name> has at most 63 characters",
      hint: "HyperShift names the namespace of the control plane so; look for the name that it really has",
    });
  return ref;
}

/** A name with its namespace or its kind before it, several names, or capitals. */
function hintName(text: string): string {
  const [, before = "", name = ""] = /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/.exec(text) ?? [];
  if (/^(?:hc|hostedclusters?)$/.test(before)) return `give the name alone: ${name}`;
  if (name !== "") return `give it as hosted-cluster: ${name} and hosted-cluster-namespace: ${before}`;
  if (/^[a-z0-9.-]+(?:[\s,]+[a-z0-9.-]+)+$/.test(text))
    return "a step is for one hosted cluster: docs/fleet.md has the workflow for many";
  return "give metadata.name of the HostedCluster, without its namespace: oc get hostedclusters -A";
}

/** `s3-prefix`; throws `input-invalid` where the key of an object would be too long with it. */
export function readFittingPrefix(read: ReadInput): string {
  const prefix = readPrefix(read);
  // The longest namespace and name of a hosted cluster.
  const longestRef = { namespace: "n".repeat(31), name: "c".repeat(31) };
  const key = snapshotKey({ prefix, ...longestRef, acquired: new Date(0), nonce: "0".repeat(32) });
  if (key.length + ".key.age".length > 1024)
    throw invalidInput("s3-prefix", prefix, {
      rule: "so short that an object's key stays under 1024 bytes",
      hint: "stores take no longer key; 900 characters always fit",
    });
  return prefix;
}
