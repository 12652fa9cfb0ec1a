import { at, listAt, numberAt, stringAt, textsAt } from "./json-path.ts";

/** One condition of a HostedCluster or HostedControlPlane. */
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number | undefined;
}

export type SecretEncryption =
  | { readonly type: "none" }
  | { readonly type: "aescbc"; readonly activeKey: string; readonly backupKey: string | undefined }
  | { readonly type: "kms"; readonly provider: string }
  /** Of a type that this version does not know: nobody can say which key reads the data. */
  | { readonly type: "unknown" };

/** What the action reads of a HostedCluster; absent fields are undefined. */
export interface HostedCluster {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly pausedUntil: string | undefined;
  readonly etcd: { readonly managementType: string; readonly sharded: boolean };
  readonly secretEncryption: SecretEncryption;
  /** True while data is encrypted with two keys (status.secretEncryption, HyperShift 4.22 and newer). */
  readonly keyRotating: boolean;
  /** SHA-256 of the AES key that all data is encrypted with (status as above); empty where KMS has it, undefined where nothing is said. */
  readonly confirmedKeySha256: string | undefined;
  readonly conditions: readonly Condition[];
  readonly infraID: string | undefined;
  readonly clusterID: string | undefined;
  readonly baseDomain: string | undefined;
  readonly platform: string | undefined;
  readonly availabilityPolicy: string | undefined;
  readonly releaseImage: string | undefined;
  readonly releaseVersion: string | undefined;
  readonly issuerURL: string | undefined;
  readonly networking: unknown;
  readonly services: readonly { readonly service: string; readonly hostname?: string }[];
}

/** What the action reads of a HostedControlPlane. */
export interface HostedControlPlane {
  readonly namespace: string;
  readonly name: string;
  readonly generation: number;
  readonly pausedUntil: string | undefined;
  /** `<namespace>/<name>` of the HostedCluster that it belongs to, as HyperShift notes it. */
  readonly owner: string | undefined;
  readonly conditions: readonly Condition[];
}

/** Source of the rule: hostedControlPlaneNamespace in HyperShift's manifests package. Never split back. */
export function controlPlaneNamespace(namespace: string, name: string): string {
  return `${namespace}-${name.replaceAll(".", "-")}`;
}

/** The deployments with an etcd client certificate, in the order of their dependencies. */
export const writerNames = ["kube-apiserver", "openshift-apiserver", "openshift-oauth-apiserver"] as const;
export type WriterName = (typeof writerNames)[number];

export function parseHostedCluster(value: unknown): HostedCluster {
  return {
    namespace: stringAt(value, "metadata", "namespace") ?? "",
    name: stringAt(value, "metadata", "name") ?? "",
    uid: stringAt(value, "metadata", "uid") ?? "",
    resourceVersion: stringAt(value, "metadata", "resourceVersion") ?? "",
    deleting: at(value, "metadata", "deletionTimestamp") !== undefined,
    annotations: textsAt(value, "metadata", "annotations"),
    pausedUntil: stringAt(value, "spec", "pausedUntil"),
    etcd: {
      managementType: stringAt(value, "spec", "etcd", "managementType") ?? "",
      sharded: listAt(value, "spec", "etcd", "managed", "shards").length > 0,
    },
    secretEncryption: parseSecretEncryption(value),
    keyRotating: isKeyRotating(value),
    confirmedKeySha256: parseConfirmedKey(value),
    conditions: parseConditions(value),
    infraID: stringAt(value, "spec", "infraID"),
    clusterID: stringAt(value, "spec", "clusterID"),
    baseDomain: stringAt(value, "spec", "dns", "baseDomain"),
    platform: stringAt(value, "spec", "platform", "type"),
    availabilityPolicy: stringAt(value, "spec", "controllerAvailabilityPolicy"),
    releaseImage: stringAt(value, "spec", "release", "image"),
    releaseVersion:
      stringAt(value, "status", "version", "history", 0, "version") ??
      stringAt(value, "status", "controlPlaneVersion", "desired", "version"),
    issuerURL: stringAt(value, "spec", "issuerURL"),
    networking: at(value, "spec", "networking"),
    services: listAt(value, "spec", "services").map((service) => {
      const strategy = at(service, "servicePublishingStrategy");
      const hostname = stringAt(strategy, "route", "hostname") ?? stringAt(strategy, "loadBalancer", "hostname");
      return { service: stringAt(service, "service") ?? "", ...(hostname ? { hostname } : {}) };
    }),
  };
}

export function parseHostedControlPlane(value: unknown): HostedControlPlane {
  return {
    namespace: stringAt(value, "metadata", "namespace") ?? "",
    name: stringAt(value, "metadata", "name") ?? "",
    generation: numberAt(value, "metadata", "generation") ?? 0,
    pausedUntil: stringAt(value, "spec", "pausedUntil"),
    owner: stringAt(value, "metadata", "annotations", "hypershift.openshift.io/cluster"),
    conditions: parseConditions(value),
  };
}

export function findCondition(conditions: readonly Condition[], type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}

function parseConditions(value: unknown): readonly Condition[] {
  return listAt(value, "status", "conditions").map((condition) => ({
    type: stringAt(condition, "type") ?? "",
    status: stringAt(condition, "status") ?? "",
    reason: stringAt(condition, "reason") ?? "",
    observedGeneration: numberAt(condition, "observedGeneration"),
  }));
}

/** Reads spec.secretEncryption of a HostedCluster, of the API or of a manifest. */
function parseSecretEncryption(value: unknown): SecretEncryption {
  const encryption = at(value, "spec", "secretEncryption");
  switch (stringAt(encryption, "type")) {
    case "aescbc":
      return {
        type: "aescbc",
        activeKey: stringAt(encryption, "aescbc", "activeKey", "name") ?? "",
        backupKey: stringAt(encryption, "aescbc", "backupKey", "name"),
      };
    case "kms":
      return { type: "kms", provider: stringAt(encryption, "kms", "provider") ?? "unknown" };
    default:
      return { type: encryption === undefined || encryption === null ? "none" : "unknown" };
  }
}

/** Source of the hash: support/secretencryption in HyperShift, over the raw bytes of the Secret's `key`. */
function parseConfirmedKey(value: unknown): string | undefined {
  const key = at(value, "status", "secretEncryption", "activeKey");
  return key === undefined ? undefined : (stringAt(key, "aescbc", "dataHash") ?? "");
}

function isKeyRotating(value: unknown): boolean {
  const status = at(value, "status", "secretEncryption");
  const state = stringAt(status, "history", 0, "state");
  return (
    at(status, "targetKey") !== undefined || (state !== undefined && state !== "Completed" && state !== "Interrupted")
  );
}
