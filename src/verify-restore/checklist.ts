import type { Condition, HostedCluster, HostedControlPlane } from "../hypershift/hosted-cluster.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import { quote } from "../shown-text.ts";
import type { SnapshotRecord } from "../snapshots/record.ts";

/** Conditions of both objects, by the status that they have where all is well; others say nothing of a restore. */
const wellStatus: ReadonlyMap<string, string> = new Map([
  ...[
    ...["Available", "EtcdAvailable", "KubeAPIServerAvailable", "InfrastructureReady", "ValidConfiguration"],
    ...["ValidHostedControlPlaneConfiguration", "ValidReleaseImage", "ValidReleaseInfo", "SupportedHostedCluster"],
    ...["ReconciliationActive", "ReconciliationSucceeded", "PlatformCredentialsFound", "EtcdSnapshotRestored"],
    ...["ValidOIDCConfiguration", "ValidAWSIdentityProvider", "ClusterVersionAvailable", "ClusterVersionSucceeding"],
  ].map((type) => [type, "True"] as const),
  ...["Degraded", "Progressing", "ClusterVersionProgressing"].map((type) => [type, "False"] as const),
]);

/** HyperShift's conditions that are not as in a cluster that is well, a line each. */
export function listOddConditions(
  hostedCluster: Pick<HostedCluster, "conditions">,
  controlPlane: Pick<HostedControlPlane, "conditions"> | undefined,
): readonly string[] {
  const odd = (kind: string, conditions: readonly Condition[]): readonly string[] =>
    conditions
      .filter(({ type, status }) => status !== (wellStatus.get(type) ?? status))
      .map(({ type, status, reason }) => `${kind}: ${type} is ${status} (${reason})`);
  return [
    ...odd("HostedCluster", hostedCluster.conditions),
    ...odd("HostedControlPlane", controlPlane?.conditions ?? []),
  ];
}

/** Platforms on which a restore can find something of the old cluster, each with what it is. */
const ofPlatform: Readonly<Record<string, string>> = {
  AWS: "in another management cluster: run hypershift fix dr-oidc-iam, which renews the identity provider; until then operators of the hosted cluster get no credentials",
  Azure:
    "in another management cluster: see that the federated credentials of the workload identities name the issuer that the cluster has now",
  KubeVirt: "volumes of the old cluster's nodes lie in the old management cluster; virtual machines are made anew",
  Agent: "agents of the old nodes have to be released and bound again, where the old hosted cluster did not do it",
};

/** What is left to do after a restore, for this platform and this cluster, a line each. */
export function listLeft(
  hostedCluster: HostedCluster,
  { record, stored }: { readonly record: SnapshotRecord | undefined; readonly stored: Snapshot },
): readonly string[] {
  const { platform = "", services, serviceAccountSigningKey, uid, clusterID } = hostedCluster;
  const nodes = stored.resources["minions"]?.keys ?? stored.resources["nodes"]?.keys ?? 0;
  const nameless = services.filter(({ hostname }) => hostname === undefined).map(({ service }) => service);
  const platformLine = ofPlatform[platform];
  const old = record?.hostedCluster;
  return [
    ...(platformLine === undefined ? [] : [`${platform}: ${platformLine}`]),
    ...(nameless.length === 0
      ? []
      : [
          `services without a fixed host name (${nameless.join(", ")}) have new addresses: hand out new kubeconfigs, and change what names the old ones; from another management cluster nodes find only fixed names`,
        ]),
    "the PKI of the control plane is new: kubeconfigs and client certificates that were handed out before do not work",
    serviceAccountSigningKey === undefined
      ? "spec.serviceAccountSigningKey is not set: tokens of ServiceAccounts from before the restore are void, and pods get new ones when they start again"
      : `spec.serviceAccountSigningKey names ${quote(serviceAccountSigningKey)}: tokens from before the restore are valid only if it holds the old key`,
    `NodePools make all nodes anew${nodes === 0 ? "" : `: ${String(nodes)} Node objects of the snapshot are of the old ones; delete those that stay NotReady`}`,
    "pods of the network (OVN) that do not start after an hour are to be deleted once; volumes' contents are not in a snapshot of etcd",
    ...(old === undefined || old.uid === uid
      ? []
      : [
          "backups: the new control plane namespace has no Role yet, and old tokens are void: apply docs/rbac.yaml again, store a new kubeconfig, and run a backup today",
        ]),
    ...(old?.clusterID === undefined || old.clusterID === clusterID
      ? []
      : ["backups: the clusterID is another one, so they need an s3-prefix of their own"]),
    ...(hostedCluster.availabilityPolicy === "SingleReplica" && old?.availabilityPolicy === "HighlyAvailable"
      ? ["the cluster was HighlyAvailable and is SingleReplica now, which cannot be changed later"]
      : []),
  ];
}
