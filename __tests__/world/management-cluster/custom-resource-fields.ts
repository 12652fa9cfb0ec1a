import type { ResourceName } from "./resources.ts";

const shared = [
  "additionalTrustBundle",
  "auditWebhook",
  "autoNode",
  "autoscaling",
  "capabilities",
  "channel",
  "clusterID",
  "configuration",
  "controllerAvailabilityPolicy",
  "dns",
  "etcd",
  "fips",
  "imageContentSources",
  "infraID",
  "infrastructureAvailabilityPolicy",
  "issuerURL",
  "kubeAPIServerDNSName",
  "labels",
  "monitoring",
  "networking",
  "nodeSelector",
  "olmCatalogPlacement",
  "operatorConfiguration",
  "pausedUntil",
  "platform",
  "pullSecret",
  "secretEncryption",
  "serviceAccountSigningKey",
  "services",
  "sshKey",
  "tolerations",
  "updateService",
];

const fields: Partial<Record<ResourceName, readonly string[]>> = {
  hostedclusters: [...shared, "controlPlaneRelease", "release"],
  hostedcontrolplanes: [...shared, "controlPlaneReleaseImage", "kubeconfig", "releaseImage"],
};

/**
 * The fields that spec has in HyperShift's CRDs (main of August 2026); the API server drops others. Undefined for
 * built-in resources. Source: openshift/hypershift, api/hypershift/v1beta1.
 */
export function customSpecFields(resource: ResourceName): readonly string[] | undefined {
  return fields[resource];
}
