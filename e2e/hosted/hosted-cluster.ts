import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { KeyPair } from "../../__tests__/fakes/certificates.ts";
import { writerNames } from "../../src/hypershift/hosted-cluster.ts";
import { journalAnnotation, parseJournal, type Journal } from "../../src/hypershift/journal.ts";
import { numberAt, stringAt } from "../../src/hypershift/json-path.ts";
import { createKubeClient, type KubeClient } from "../cluster/kube-client.ts";
import type { Layout } from "../cluster/layout.ts";
import { waitUntil } from "../wait.ts";
import { applyHostedCluster, namespace, type AppliedCluster, type HostedClusterOptions } from "./applied-cluster.ts";
import { startRealOperators } from "./operator-world.ts";
import { removeEtcdVolumes } from "./volumes.ts";
import { kubeApiserverPort } from "./writers.ts";

/** A hosted control plane of real parts. */
export interface HostedCluster extends AppliedCluster {
  readonly namespace: string;
  readonly name: string;
  /** Addresses of the etcd pods, in the order of their names. */
  etcdAddresses(): Promise<readonly string[]>;
  /** Last count that etcd has acknowledged, by pod of the counting writers. */
  acknowledged(): Promise<Readonly<Record<string, number>>>;
  /** Speaks as its admin to a hosted kube-apiserver that is ready now. */
  connect(): Promise<KubeClient>;
  /** Of a run that holds it, or left it. */
  journal(): Promise<Journal>;
  /** Etcd and each writer have as many ready pods as at the start. */
  areWritersReady(): Promise<boolean>;
  /** Every pod is ready, the cluster is not paused, there is no journal. */
  waitUntilSettled(): Promise<void>;
  /** Removes its namespace and waits until its pods are gone. */
  close(): Promise<void>;
}

const timeoutMs = 240_000;

/** Returns when every pod is ready. */
export async function startHostedCluster(
  layout: Layout,
  admin: KubeClient,
  options: HostedClusterOptions,
): Promise<HostedCluster> {
  const { name, members } = options;
  const applied = await applyHostedCluster(layout, admin, options);
  const { controlPlaneNamespace: inner, acknowledgedFolder, authority } = applied;
  const adminPair = await authority.issue({ commonName: "admin", organization: "system:masters" });
  const isReady = async (): Promise<boolean> => {
    const workloads = await Promise.all([
      admin.find("StatefulSet", inner, "etcd"),
      ...writerNames.map((writer) => admin.find("Deployment", inner, writer)),
    ]);
    return workloads.every(
      (workload) =>
        numberAt(workload, "spec", "replicas") === members && numberAt(workload, "status", "readyReplicas") === members,
    );
  };
  const isSettled = async (): Promise<boolean> => {
    const hostedCluster = await admin.find("HostedCluster", namespace, name);
    const journal = stringAt(hostedCluster, "metadata", "annotations", journalAnnotation);
    return stringAt(hostedCluster, "spec", "pausedUntil") === undefined && journal === undefined && isReady();
  };
  await waitUntil(`etcd and the writers in ${inner} are ready`, isReady, { timeoutMs });
  const stopOperators =
    options.operators === "none" ? undefined : startRealOperators(admin, { namespace, name }, inner);
  const close = async (): Promise<void> => {
    stopOperators?.();
    await admin.remove("HostedCluster", namespace, name);
    await admin.remove("Namespace", "", inner);
    // Nobody needs a pod's last seconds.
    await admin.call("DELETE", `/api/v1/namespaces/${inner}/pods?gracePeriodSeconds=1`);
    const isGone = async (): Promise<boolean> => (await admin.find("Namespace", "", inner)) === undefined;
    await waitUntil(`namespace ${inner} is gone`, isGone, { timeoutMs });
    await removeEtcdVolumes(layout, admin, inner, members);
    await rm(acknowledgedFolder, { recursive: true });
  };
  let closed: Promise<void> | undefined;
  return {
    ...applied,
    namespace,
    name,
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
    journal: async () => {
      const hostedCluster = await admin.find("HostedCluster", namespace, name);
      return parseJournal(stringAt(hostedCluster, "metadata", "annotations", journalAnnotation) ?? "", undefined);
    },
    areWritersReady: isReady,
    waitUntilSettled: async () => {
      await waitUntil(`${namespace}/${name} is as it was`, isSettled, { timeoutMs });
    },
    close: () => (closed ??= close()),
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
    { timeoutMs, intervalMs: 500 },
  );
}
