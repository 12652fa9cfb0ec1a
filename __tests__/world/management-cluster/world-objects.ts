import { randomUUID } from "node:crypto";
import { numberAt } from "../../../src/json-path.ts";
import { isJsonObject, mergePatch, type JsonObject } from "./json.ts";
import type { ObjectStore } from "./objects.ts";
import { readiness } from "./deployments.ts";
import { controlPlaneConditions, hostedClusterConditions } from "./hosted-conditions.ts";

/** What the objects of the hosted cluster are made from; the fields are those of real ones (4.20, platform None). */
export interface HostedWorld {
  readonly namespace: string;
  readonly name: string;
  readonly controlPlaneNamespace: string;
  readonly availabilityPolicy: "SingleReplica" | "HighlyAvailable";
  readonly release: string;
  readonly writers: readonly string[];
  /** Replicas of writers that have others than the policy's. */
  readonly replicas: Readonly<Record<string, number>>;
  readonly gracePeriodSeconds: number;
  /** `data.key` of the Secret; undefined: there is no Secret. */
  readonly encryptionKey: Buffer | undefined;
  readonly etcdMembers: number;
  readonly evictedPod: boolean;
  readonly timestamp: string;
  /** Merged into the objects before they are made. */
  readonly hostedClusterPatch: JsonObject;
  readonly controlPlanePatch: JsonObject;
}

export function encryptionSecretName(name: string): string {
  return `${name}-etcd-encryption-key`;
}

/** The namespaces, the Secret, HostedCluster and HostedControlPlane; deployments and etcd have functions of their own. */
export function hostedClusterSpec(world: HostedWorld): JsonObject {
  const publish = (service: string): JsonObject => ({
    service,
    servicePublishingStrategy: { type: "NodePort", nodePort: { address: "192.0.2.10" } },
  });
  return {
    clusterID: randomUUID(),
    infraID: `${world.name}-7kq2x`,
    issuerURL: "https://kubernetes.default.svc",
    controllerAvailabilityPolicy: world.availabilityPolicy,
    infrastructureAvailabilityPolicy: "SingleReplica",
    dns: { baseDomain: "example.com" },
    etcd: {
      managementType: "Managed",
      managed: { storage: { type: "PersistentVolume", persistentVolume: { size: "8Gi" } } },
    },
    networking: {
      networkType: "OVNKubernetes",
      clusterNetwork: [{ cidr: "10.132.0.0/14" }],
      serviceNetwork: [{ cidr: "172.31.0.0/16" }],
    },
    platform: { type: "None" },
    pullSecret: { name: `${world.name}-pull-secret` },
    sshKey: { name: `${world.name}-ssh-key` },
    secretEncryption: { type: "aescbc", aescbc: { activeKey: { name: encryptionSecretName(world.name) } } },
    services: ["APIServer", "Ignition", "Konnectivity", "OAuthServer", "OIDC"].map(publish),
  };
}

export function createHostedCluster(store: ObjectStore, world: HostedWorld): void {
  const { name, namespace, controlPlaneNamespace } = world;
  for (const created of [namespace, controlPlaneNamespace]) {
    const labels = created === controlPlaneNamespace ? { "hypershift.openshift.io/hosted-control-plane": "true" } : {};
    store.create("namespaces", { metadata: { name: created, labels }, status: { phase: "Active" } });
  }
  if (world.encryptionKey)
    store.create("secrets", {
      metadata: { name: encryptionSecretName(name), namespace },
      type: "Opaque",
      data: { key: world.encryptionKey.toString("base64") },
    });
  const spec = hostedClusterSpec(world);
  const image = `quay.io/openshift-release-dev/ocp-release:${world.release}-x86_64`;
  const desired = { image, version: world.release };
  const update = { ...desired, state: "Completed", startedTime: world.timestamp, completionTime: world.timestamp };
  const hostedCluster = {
    metadata: {
      name,
      namespace,
      annotations: { "hypershift.openshift.io/HasBeenAvailable": "true" },
      finalizers: ["hypershift.openshift.io/finalizer"],
    },
    spec: { ...spec, release: { image } },
    status: {
      conditions: hostedClusterConditions(world.timestamp),
      controlPlaneEndpoint: { host: "192.0.2.10", port: 32000 },
      controlPlaneVersion: { desired, history: [update], observedGeneration: 1 },
      version: {
        desired,
        history: [{ ...update, verified: false }],
        availableUpdates: null,
        observedGeneration: 1,
      },
    },
  };
  store.create("hostedclusters", merge(hostedCluster, world.hostedClusterPatch));
  const controlPlane = {
    metadata: {
      name,
      namespace: controlPlaneNamespace,
      annotations: { "hypershift.openshift.io/cluster": `${namespace}/${name}` },
      finalizers: ["hypershift.openshift.io/finalizer"],
    },
    spec: { ...spec, releaseImage: image, pullSecret: { name: "pull-secret" }, sshKey: { name: "ssh-key" } },
    status: {
      conditions: controlPlaneConditions(world.timestamp),
      initialized: true,
      ready: true,
      controlPlaneEndpoint: { host: "192.0.2.10", port: 32000 },
    },
  };
  store.create("hostedcontrolplanes", merge(controlPlane, world.controlPlanePatch));
}

function merge(object: JsonObject, patch: JsonObject): JsonObject {
  const merged = mergePatch(object, patch);
  return isJsonObject(merged) ? merged : object;
}

export function createDeployments(store: ObjectStore, world: HostedWorld): void {
  const usual = world.availabilityPolicy === "SingleReplica" ? 1 : 3;
  for (const name of world.writers)
    store.create("deployments", {
      metadata: {
        name,
        namespace: world.controlPlaneNamespace,
        labels: { "hypershift.openshift.io/managed-by": "control-plane-operator" },
      },
      spec: {
        replicas: world.replicas[name] ?? usual,
        selector: { matchLabels: { app: name } },
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
        template: {
          metadata: { labels: podLabels(world, name) },
          spec: {
            containers: [{ name, image: imageOf(name), command: [name] }],
            terminationGracePeriodSeconds: world.gracePeriodSeconds,
          },
        },
      },
    });
  if (world.evictedPod)
    store.create("pods", {
      metadata: {
        name: "kube-apiserver-5d4f8c7b9-gone1",
        namespace: world.controlPlaneNamespace,
        labels: podLabels(world, "kube-apiserver"),
      },
      spec: { containers: [{ name: "kube-apiserver" }] },
      status: { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." },
    });
}

function podLabels(world: HostedWorld, name: string): JsonObject {
  return {
    app: name,
    "hypershift.openshift.io/control-plane-component": name,
    "hypershift.openshift.io/hosted-control-plane": world.controlPlaneNamespace,
  };
}

export function createEtcdObjects(store: ObjectStore, world: HostedWorld): void {
  const { controlPlaneNamespace: namespace, etcdMembers: members } = world;
  store.create("statefulsets", {
    metadata: { name: "etcd", namespace },
    spec: {
      replicas: members,
      serviceName: "etcd-discovery",
      podManagementPolicy: "Parallel",
      selector: { matchLabels: { app: "etcd" } },
      template: {
        metadata: { labels: podLabels(world, "etcd") },
        spec: etcdPodSpec(members),
      },
    },
    status: {},
  });
  for (let index = 0; index < members; index += 1)
    store.create("pods", {
      metadata: { name: `etcd-${String(index)}`, namespace, labels: podLabels(world, "etcd") },
      spec: etcdPodSpec(members),
      status: {},
    });
  writeEtcdReadiness(store, world, true);
}

const initContainers = ["ensure-dns", "reset-member"];

function etcdPodSpec(members: number): JsonObject {
  return {
    initContainers: initContainers.map((name) => ({
      name,
      env: [{ name: "NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } }],
    })),
    containers: etcdContainers(members).map((name) => ({ name, image: imageOf("etcd") })),
    terminationGracePeriodSeconds: 30,
  };
}

/** A release names each of its images by digest. */
function imageOf(component: string): string {
  return `registry.example/release/${component}@sha256:${"0".repeat(64)}`;
}

/** etcd-defrag is there with several members only. */
function etcdContainers(members: number): readonly string[] {
  return ["etcd", "etcd-metrics", "healthz", ...(members > 1 ? ["etcd-defrag"] : [])];
}

export function writeEtcdReadiness(
  store: ObjectStore,
  world: Pick<HostedWorld, "controlPlaneNamespace" | "etcdMembers">,
  ready: boolean,
): void {
  const { controlPlaneNamespace: namespace, etcdMembers: members } = world;
  const status = {
    replicas: members,
    currentReplicas: members,
    updatedReplicas: members,
    readyReplicas: ready ? members : null,
    // A zero of this count is told, as apps/v1 declares it for StatefulSets.
    availableReplicas: ready ? members : 0,
    observedGeneration: numberAt(store.get("statefulsets", namespace, "etcd"), "metadata", "generation") ?? 1,
  };
  store.patch("statefulsets", namespace, "etcd", { status }, { subresource: "status" });
  for (let index = 0; index < members; index += 1) {
    const containerStatuses = etcdContainers(members).map((name) => ({
      name,
      ready: ready || name !== "etcd",
      restartCount: 0,
      state: { running: {} },
    }));
    const ended = { terminated: { exitCode: 0, reason: "Completed" } };
    const initContainerStatuses = initContainers.map((name) => ({ name, ready: true, restartCount: 0, state: ended }));
    const podStatus = { phase: "Running", conditions: readiness(ready), initContainerStatuses, containerStatuses };
    store.patch("pods", namespace, `etcd-${String(index)}`, { status: podStatus }, { subresource: "status" });
  }
}
