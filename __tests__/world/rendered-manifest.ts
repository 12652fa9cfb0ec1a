import { stringAt } from "../../src/json-path.ts";
import type { JsonObject } from "./management-cluster/json.ts";

/** HyperShift takes no cluster with fewer than four. */
const services = ["APIServer", "Ignition", "Konnectivity", "OAuthServer", "OIDC"];

/**
 * What `hypershift create cluster none --render` prints for the same cluster with one replica, shortened: without
 * --render-sensitive it holds no Secret. A human has added the old ids, with a comment.
 */
export function renderedManifest(hostedCluster: JsonObject): string {
  const name = stringAt(hostedCluster, "metadata", "name") ?? "";
  const namespace = stringAt(hostedCluster, "metadata", "namespace") ?? "";
  return `apiVersion: v1
kind: Namespace
metadata:
  name: ${namespace}
spec: {}
status: {}
---
apiVersion: hypershift.openshift.io/v1beta1
kind: HostedCluster
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  autoscaling: {}
  controllerAvailabilityPolicy: SingleReplica
  dns:
    baseDomain: example.com
  etcd:
    managed:
      storage:
        persistentVolume:
          size: 8Gi
        type: PersistentVolume
    managementType: Managed
  # Both of the old cluster: its objects carry them.
  clusterID: ${stringAt(hostedCluster, "spec", "clusterID") ?? ""}
  infraID: ${stringAt(hostedCluster, "spec", "infraID") ?? ""}
  networking:
    clusterNetwork:
    - cidr: 10.132.0.0/14
    networkType: OVNKubernetes
    serviceNetwork:
    - cidr: 172.31.0.0/16
  platform:
    type: None
  pullSecret:
    name: ${name}-pull-secret
  release:
    image: quay.io/openshift-release-dev/ocp-release:4.20.0-x86_64
  secretEncryption:
    aescbc:
      activeKey:
        name: ${name}-etcd-encryption-key
    type: aescbc
  services:
${services.map(renderService).join("")}  sshKey:
    name: ${name}-ssh-key
status:
  controlPlaneEndpoint:
    host: ""
    port: 0
---
apiVersion: hypershift.openshift.io/v1beta1
kind: NodePool
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  arch: amd64
  clusterName: ${name}
  management:
    autoRepair: false
    upgradeType: InPlace
  platform:
    type: None
  release:
    image: quay.io/openshift-release-dev/ocp-release:4.20.0-x86_64
  replicas: 2
status:
  replicas: 0
`;
}

function renderService(name: string): string {
  return `  - service: ${name}
    servicePublishingStrategy:
      nodePort:
        address: 192.0.2.10
      type: NodePort
`;
}
