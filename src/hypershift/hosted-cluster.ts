import { at, listAt, numberAt, stringAt, textsAt } from "../json-path.ts";
import { parseTime } from "../time.ts";
import { parseKmsIds, type KmsIds } from "./kms.ts";

/** One condition of a HostedCluster or HostedControlPlane. */
export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly observedGeneration: number | undefined;
}

export type SecretEncryption =
  | { readonly type: "none" }
  | { readonly type: "aescbc"; readonly activeKey: string; readonly backupKey: string | undefined }
  | { readonly type: "kms"; readonly ids: KmsIds }
  /** A type that this version does not know: nobody can say which key reads the data. */
  | { readonly type: "unknown" };

/** The fields that the action reads of a HostedCluster; absent ones are undefined. */
export interface HostedCluster {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly deleting: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly pausedUntil: string | undefined;
  /** Who wrote spec.pausedUntil last, and when, as metadata.managedFields has it. */
  readonly pausedBy: { readonly manager: string; readonly since: string } | undefined;
  /** The release that is being rolled out. */
  readonly rollout: { readonly release: string; readonly since: string } | undefined;
  /** `restored`: it starts from a snapshot, whose URL is not kept. */
  readonly etcd: { readonly managementType: string; readonly sharded: boolean; readonly restored: boolean };
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
  /** The Secret with the key that signs tokens of ServiceAccounts; undefined where HyperShift makes it. */
  readonly serviceAccountSigningKey: string | undefined;
  readonly networking: unknown;
  readonly services: readonly { readonly service: string; readonly hostname?: string }[];
}

/** The fields that the action reads of a HostedControlPlane. */
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
    pausedBy: parsePausedBy(value),
    rollout: parseRollout(value),
    etcd: {
      managementType: stringAt(value, "spec", "etcd", "managementType") ?? "",
      sharded: listAt(value, "spec", "etcd", "managed", "shards").length > 0,
      restored: stringAt(value, "spec", "etcd", "managed", "storage", "restoreSnapshotURL", 0) !== undefined,
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
    serviceAccountSigningKey: stringAt(value, "spec", "serviceAccountSigningKey", "name"),
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

/** Both operators act on the object as it is. */
export function isReconciling({ conditions, generation }: HostedControlPlane): boolean {
  const condition = findCondition(conditions, "ReconciliationActive");
  return condition?.status === "True" && condition.observedGeneration === generation;
}

/** Source of the form: FieldsV1 in k8s.io/apimachinery, with `f:` before each field. */
function parsePausedBy(value: unknown): HostedCluster["pausedBy"] {
  const writes = listAt(value, "metadata", "managedFields").flatMap((entry) => {
    const since = stringAt(entry, "time") ?? "";
    const wrote = at(entry, "fieldsV1", "f:spec", "f:pausedUntil") !== undefined && parseTime(since) !== undefined;
    return wrote ? [{ manager: stringAt(entry, "manager") ?? "", since }] : [];
  });
  return writes.toSorted((a, b) => b.since.localeCompare(a.since))[0];
}

/** The newest entry of the history is under way until it is `Completed`. */
function parseRollout(value: unknown): HostedCluster["rollout"] {
  const [newest] = listAt(value, "status", "version", "history");
  if (newest === undefined || stringAt(newest, "state") === "Completed") return undefined;
  const release = stringAt(newest, "version") ?? stringAt(newest, "image");
  const since = stringAt(newest, "startedTime") ?? "";
  return release === undefined || parseTime(since) === undefined ? undefined : { release, since };
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
      return { type: "kms", ids: parseKmsIds(at(encryption, "kms")) };
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
