import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyPair } from "../../__tests__/fakes/certificates.ts";
import type { JsonObject } from "../../__tests__/fakes/management-cluster/json.ts";
import { controlPlaneNamespace, writerNames } from "../../src/hypershift/hosted-cluster.ts";
import { numberAt, stringAt } from "../../src/hypershift/json-path.ts";
import { createKubeClient, type KubeClient } from "../cluster/kube-client.ts";
import type { Layout } from "../cluster/layout.ts";
import { imageNames } from "../images.ts";
import { waitUntil } from "../wait.ts";
import { renderEtcd } from "./etcd.ts";
import { createEtcdPki, renderEtcdPki, type EtcdPki } from "./etcd-pki.ts";
import { createRestore } from "./etcd-restore.ts";
import { renderHostedObjects } from "./objects.ts";
import { startRealOperators } from "./operator-world.ts";
import { createEtcdVolumes } from "./volumes.ts";
import { createHostedAuthority, kubeApiserverPort, renderWriters } from "./writers.ts";

export interface HostedClusterOptions {
  readonly name: string;
  readonly etcd: "3.5" | "3.6";
  readonly members: 1 | 3;
  /** Default 3: some seconds in which writers that were told to end still write. */
  readonly drainSeconds?: number;
  readonly gracePeriodSeconds?: number;
  /** Default: a new one. */
  readonly encryptionKey?: Buffer;
  /** Etcd starts from the snapshot behind this URL; `authority` signed the store's certificate. */
  readonly restore?: { readonly url: string; readonly authority: string };
}

/** A hosted control plane of real parts. */
export interface HostedCluster {
  readonly namespace: string;
  readonly name: string;
  readonly controlPlaneNamespace: string;
  readonly encryptionKey: Buffer;
  readonly etcdPki: EtcdPki;
  /** Addresses of the etcd pods, in the order of their names. */
  etcdAddresses(): Promise<readonly string[]>;
  /** Last count that etcd has acknowledged, by pod of the counting writers. */
  acknowledged(): Promise<Readonly<Record<string, number>>>;
  /** Speaks as its admin to a hosted kube-apiserver that is ready now. */
  connect(): Promise<KubeClient>;
  /** Wanted and ready replicas are `replicas`, the cluster is not paused, there is no journal. */
  waitUntilSettled(): Promise<void>;
  /** Removes its namespace and waits until its pods are gone. */
  close(): Promise<void>;
}

const namespace = "clusters";
const startTimeoutMs = 240_000;

export async function startHostedCluster(
  layout: Layout,
  admin: KubeClient,
  options: HostedClusterOptions,
): Promise<HostedCluster> {
  const { name, members } = options;
  const inner = controlPlaneNamespace(namespace, name);
  const encryptionKey = options.encryptionKey ?? randomBytes(32);
  const replicas = members;
  const image = options.etcd === "3.5" ? imageNames.etcd35 : imageNames.etcd36;
  const etcdPki = await createEtcdPki(inner);
  const authority = await createHostedAuthority();
  const adminPair = await authority.issue({ commonName: "admin", organization: "system:masters" });
  const acknowledgedFolder = join(layout.volumes, `${inner}-acknowledged`);
  await mkdir(acknowledgedFolder, { recursive: true });
  await chmod(acknowledgedFolder, 0o777);

  const hosted = {
    namespace,
    name,
    controlPlaneNamespace: inner,
    availabilityPolicy: members === 1 ? "SingleReplica" : "HighlyAvailable",
    release: options.etcd === "3.5" ? "4.20.0" : "4.22.0",
    encryptionKey,
  } as const;
  for (const { object, status } of renderHostedObjects(hosted)) {
    const made = await admin.apply(object);
    const kind = stringAt(made, "kind");
    if (status !== undefined && (kind === "HostedCluster" || kind === "HostedControlPlane"))
      await admin.patch(kind, stringAt(made, "metadata", "namespace") ?? "", name, { status }, "status");
  }
  await waitUntil("the namespace has its service account", () => admin.find("ServiceAccount", inner, "default"), {
    timeoutMs: startTimeoutMs,
  });
  const bundle = "store-authority";
  const { restore } = options;
  const writers = {
    namespace: inner,
    replicas,
    etcdImage: image,
    encryptionKey,
    acknowledged: acknowledgedFolder,
    drainSeconds: options.drainSeconds ?? 3,
    gracePeriodSeconds: options.gracePeriodSeconds ?? 30,
  };
  const objects: readonly JsonObject[] = [
    ...(await createEtcdVolumes(layout, inner, members)),
    ...renderEtcdPki(inner, etcdPki),
    ...(restore === undefined
      ? []
      : [
          {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: bundle, namespace: inner },
            data: { "ca.crt": restore.authority },
          },
        ]),
    ...renderEtcd({
      namespace: inner,
      members,
      image,
      ...(restore === undefined ? {} : { restore: createRestore(restore.url, bundle, "ca.crt") }),
    }),
    ...(await renderWriters(writers, authority)),
  ];
  for (const object of objects) await admin.apply(object);
  const ready = async (): Promise<boolean> => {
    const workloads = await Promise.all([
      admin.find("StatefulSet", inner, "etcd"),
      ...writerNames.map((writer) => admin.find("Deployment", inner, writer)),
    ]);
    return workloads.every((workload) => numberAt(workload, "status", "readyReplicas") === replicas);
  };
  await waitUntil(`etcd and the writers in ${inner} are ready`, ready, { timeoutMs: startTimeoutMs });
  const stopOperators = startRealOperators(admin, { namespace, name }, inner);

  return {
    namespace,
    name,
    controlPlaneNamespace: inner,
    encryptionKey,
    etcdPki,
    etcdAddresses: async () => {
      const pods = await admin.list("Pod", inner, "app=etcd");
      return [...pods]
        .sort((a, b) => String(stringAt(a, "metadata", "name")).localeCompare(String(stringAt(b, "metadata", "name"))))
        .map((pod) => stringAt(pod, "status", "podIP") ?? "");
    },
    acknowledged: async () => {
      const pods = await readdir(acknowledgedFolder);
      const counts = await Promise.all(
        pods.map(async (pod) => [pod, Number(await readFile(join(acknowledgedFolder, pod), "utf8"))] as const),
      );
      return Object.fromEntries(counts);
    },
    connect: () => connectHosted(admin, inner, authority.certificate, adminPair),
    waitUntilSettled: async () => {
      await waitUntil(
        `${namespace}/${name} is as it was`,
        async () => {
          const hostedCluster = await admin.find("HostedCluster", namespace, name);
          const journal = stringAt(hostedCluster, "metadata", "annotations", "hypershift-etcd-backup-action/journal");
          return (
            stringAt(hostedCluster, "spec", "pausedUntil") === undefined && journal === undefined && (await ready())
          );
        },
        { timeoutMs: startTimeoutMs },
      );
    },
    close: async () => {
      stopOperators();
      await admin.remove("Namespace", "", inner);
      await waitUntil(`namespace ${inner} is gone`, async () => !(await admin.find("Namespace", "", inner)), {
        timeoutMs: startTimeoutMs,
      });
    },
  };
}

async function connectHosted(
  admin: KubeClient,
  controlPlane: string,
  ca: string,
  { certificate, privateKey }: KeyPair,
): Promise<KubeClient> {
  return waitUntil(
    `a kube-apiserver in ${controlPlane} answers`,
    async () => {
      const pods = await admin.list("Pod", controlPlane, "app=kube-apiserver");
      for (const pod of pods) {
        const url = `https://${stringAt(pod, "status", "podIP") ?? ""}:${String(kubeApiserverPort)}`;
        const client = createKubeClient({ url, ca, certificate, privateKey, serverName: "localhost" });
        const answers = await client.call("GET", "/readyz", { timeoutMs: 3000 }).then(
          () => true,
          () => false,
        );
        if (answers) return client;
        client.close();
      }
      return undefined;
    },
    { timeoutMs: startTimeoutMs, intervalMs: 500 },
  );
}
