import { at, stringAt } from "../json-path.ts";
import { quote } from "../shown-text.ts";
import type { Finding } from "./findings.ts";
import { isOfCore, type ReadManifest } from "./target-cluster.ts";

/**
 * The fields of a HostedCluster's spec that name an object of its own namespace (api/hypershift/v1beta1/hostedcluster_types.go), but for
 * the keys, which are compared by themselves.
 */
const references: readonly (readonly [kind: "Secret" | "ConfigMap", ...path: readonly string[]])[] = [
  ["Secret", "pullSecret"],
  ["Secret", "sshKey"],
  ["Secret", "auditWebhook"],
  ["ConfigMap", "additionalTrustBundle"],
  ["Secret", "platform", "kubevirt", "credentials", "infraKubeConfigSecret"],
  ["Secret", "platform", "azure", "credentials"],
  ["Secret", "platform", "openstack", "identityRef"],
  ["Secret", "platform", "powervs", "kubeCloudControllerCreds"],
  ["Secret", "platform", "powervs", "nodePoolManagementCreds"],
  ["Secret", "platform", "powervs", "ingressOperatorCloudCreds"],
  ["Secret", "platform", "powervs", "storageOperatorCloudCreds"],
  ["Secret", "platform", "powervs", "imageRegistryOperatorCloudCreds"],
  ["Secret", "secretEncryption", "kms", "ibmcloud", "auth", "unmanaged", "credentials"],
];

/** By the names of their fields in spec.configuration, wherever they stand in it. */
const configured: Readonly<Record<string, "Secret" | "ConfigMap">> = {
  clientSecret: "Secret",
  fileData: "Secret",
  bindPassword: "Secret",
  tlsClientCert: "Secret",
  tlsClientKey: "Secret",
  servingCertificate: "Secret",
  kubeConfig: "Secret",
  ca: "ConfigMap",
  clientCA: "ConfigMap",
  trustedCA: "ConfigMap",
  additionalTrustedCA: "ConfigMap",
  issuerCertificateAuthority: "ConfigMap",
};

interface Reference {
  readonly path: readonly string[];
  readonly kind: "Secret" | "ConfigMap";
  readonly name: string;
}

/**
 * A warning for each object that the HostedCluster names and the manifest does not bring: a plain `--render` leaves every Secret out,
 * and nothing starts without them.
 */
export function listMissingObjects({ documents, target }: ReadManifest): readonly Finding[] {
  const { namespace } = target.cluster;
  const spec = at(documents[target.index]?.value, "spec");
  const isThere = ({ kind, name }: Reference): boolean =>
    documents.some(
      ({ value }) =>
        isOfCore(value, kind) &&
        stringAt(value, "metadata", "name") === name &&
        stringAt(value, "metadata", "namespace") === namespace,
    );
  const named = references.flatMap(([kind, ...path]): readonly Reference[] => {
    const name = stringAt(spec, ...path, "name");
    return name === undefined ? [] : [{ path, kind, name }];
  });
  return [...named, ...listConfigured(at(spec, "configuration"), ["configuration"])]
    .filter((reference) => !isThere(reference))
    .map(({ path, kind, name }) => ({
      guard: `spec.${path.join(".")}`,
      verdict: "warning",
      text: `the manifest has no ${kind} ${quote(name)}: create it in namespace ${namespace} before the manifest is applied`,
    }));
}

function listConfigured(value: unknown, path: readonly string[]): readonly Reference[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([field, below]) => {
    const here = [...path, field];
    const kind = Object.hasOwn(configured, field) ? configured[field] : undefined;
    const name = stringAt(below, "name");
    return kind === undefined || name === undefined ? listConfigured(below, here) : [{ path: here, kind, name }];
  });
}
