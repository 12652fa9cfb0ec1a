import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { encryptionSecretName, hostedClusterSpec } from "../../__tests__/world/management-cluster/world-objects.ts";

export interface HostedObjectsPlan {
  readonly namespace: string;
  readonly name: string;
  readonly controlPlaneNamespace: string;
  readonly availabilityPolicy: "SingleReplica" | "HighlyAvailable";
  readonly release: string;
  /** Empty: nothing is encrypted. */
  readonly encryptionKey: Buffer;
}

/** An object to be applied, and the status that its subresource gets. */
export interface ObjectWithStatus {
  readonly object: JsonObject;
  readonly status?: JsonObject;
}

/** The namespaces, the encryption key's Secret, HostedCluster and HostedControlPlane, as HyperShift has them. */
export function renderHostedObjects(plan: HostedObjectsPlan): readonly ObjectWithStatus[] {
  const { namespace, name, controlPlaneNamespace, release } = plan;
  const isEncrypted = plan.encryptionKey.length > 0;
  const { secretEncryption, ...plain } = hostedClusterSpec({
    ...plan,
    writers: [],
    replicas: {},
    gracePeriodSeconds: 0,
    etcdMembers: 1,
    evictedPod: false,
    timestamp: "",
    hostedClusterPatch: {},
    controlPlanePatch: {},
  });
  const spec = isEncrypted ? { ...plain, secretEncryption } : plain;
  const image = `quay.io/openshift-release-dev/ocp-release:${release}-x86_64`;
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const done = { state: "Completed", startedTime: now, completionTime: now, version: release, image, verified: false };
  const hypershift = { apiVersion: "hypershift.openshift.io/v1beta1" };
  return [
    ...[namespace, controlPlaneNamespace].map((created) => ({
      object: { apiVersion: "v1", kind: "Namespace", metadata: { name: created } },
    })),
    ...(isEncrypted ? [{ object: renderEncryptionSecret(plan) }] : []),
    {
      object: {
        ...hypershift,
        kind: "HostedCluster",
        metadata: { name, namespace },
        spec: { ...spec, release: { image } },
      },
      status: {
        conditions: conditions(now),
        version: { desired: { image, version: release }, history: [done], availableUpdates: [], observedGeneration: 1 },
      },
    },
    {
      object: {
        ...hypershift,
        kind: "HostedControlPlane",
        metadata: {
          name,
          namespace: controlPlaneNamespace,
          annotations: { "hypershift.openshift.io/cluster": `${namespace}/${name}` },
        },
        spec: { ...spec, releaseImage: image, pullSecret: { name: "pull-secret" }, sshKey: { name: "ssh-key" } },
      },
      status: { conditions: conditions(now), initialized: true, ready: true },
    },
  ];
}

function renderEncryptionSecret({ namespace, name, encryptionKey }: HostedObjectsPlan): JsonObject {
  const metadata = { name: encryptionSecretName(name), namespace };
  return { apiVersion: "v1", kind: "Secret", metadata, data: { key: encryptionKey.toString("base64") } };
}

function conditions(now: string): readonly JsonObject[] {
  const values = {
    Available: "True",
    Progressing: "False",
    Degraded: "False",
    EtcdAvailable: "True",
    KubeAPIServerAvailable: "True",
    ValidConfiguration: "True",
    ValidHostedControlPlaneConfiguration: "True",
    ReconciliationActive: "True",
  };
  return Object.entries(values).map(([type, status]) => ({
    type,
    status,
    reason: "AsExpected",
    message: "",
    observedGeneration: 1,
    lastTransitionTime: now,
  }));
}
