import type { JsonObject } from "./json.ts";

type Row = readonly [type: string, status: "True" | "False" | "Unknown", reason: string, message: string];

export const active: Row = ["ReconciliationActive", "True", "AsExpected", "Reconciliation active on resource"];
const etcd: Row = ["EtcdAvailable", "True", "QuorumAvailable", ""];
const apiServer: Row = ["KubeAPIServerAvailable", "True", "AsExpected", "Kube APIServer deployment is available"];
const infrastructure: Row = ["InfrastructureReady", "True", "AsExpected", "All is well"];
const configuration: Row = [
  "ValidHostedControlPlaneConfiguration",
  "True",
  "AsExpected",
  "Configuration passes validation",
];
const releaseInfo: Row = ["ValidReleaseInfo", "True", "AsExpected", "All is well"];

/** Of a HostedCluster that is well and not paused, observed on the real operators; those of worker nodes left out. */
const ofHostedCluster: readonly Row[] = [
  ["Degraded", "False", "AsExpected", "The hosted cluster is not degraded"],
  etcd,
  apiServer,
  infrastructure,
  configuration,
  releaseInfo,
  ["Available", "True", "AsExpected", "The hosted control plane is available"],
  ["ValidConfiguration", "True", "AsExpected", "Configuration passes validation"],
  ["SupportedHostedCluster", "True", "AsExpected", "HostedCluster is supported by operator configuration"],
  active,
  ["ValidReleaseImage", "True", "AsExpected", "Release image is valid"],
  ["Progressing", "False", "AsExpected", "HostedCluster is at expected version"],
  ["PlatformCredentialsFound", "True", "AsExpected", "Required platform credentials are found"],
  ["ReconciliationSucceeded", "True", "ReconciliatonSucceeded", "Reconciliation completed successfully"],
];

const ofControlPlane: readonly Row[] = [
  configuration,
  etcd,
  apiServer,
  ["Degraded", "False", "AsExpected", ""],
  infrastructure,
  ["ExternalDNSReachable", "Unknown", "StatusUnknown", "External DNS is not configured"],
  ["Available", "True", "AsExpected", ""],
  active,
  ["ValidIDPConfiguration", "True", "IDPConfigurationValid", "Identity provider configuration is valid"],
  releaseInfo,
];

export function hostedClusterConditions(timestamp: string): readonly JsonObject[] {
  return ofHostedCluster.map((row) => toCondition(row, timestamp));
}

/** ValidIDPConfiguration carries no generation, and nobody may wait for it. */
export function controlPlaneConditions(timestamp: string): readonly JsonObject[] {
  return ofControlPlane.map((row) => {
    const { observedGeneration, ...condition } = toCondition(row, timestamp);
    return row[0] === "ValidIDPConfiguration" ? condition : { ...condition, observedGeneration };
  });
}

function toCondition([type, status, reason, message]: Row, lastTransitionTime: string): JsonObject {
  return { type, status, reason, message, observedGeneration: 1, lastTransitionTime };
}
