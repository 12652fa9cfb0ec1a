import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { journalAnnotation, parseJournal, type Journal } from "../../src/hold/journal.ts";
import { encryptionSecretName } from "../../__tests__/world/management-cluster/world-objects.ts";
import { stringAt } from "../../src/json-path.ts";
import { createKubeClient, type KubeClient } from "../cluster/kube-client.ts";
import type { Layout } from "../cluster/layout.ts";
import { waitUntil } from "../wait.ts";
import { applyHostedCluster, type AppliedCluster, type HostedClusterOptions } from "./applied-cluster.ts";
import { startRealOperators } from "./operator-world.ts";
import { findWorkloadProblems, lookAtCluster, type HostedCredentials } from "./unsettled.ts";
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
  /** True when etcd and each writer have as many ready pods as at the start; throws an Error that says which have not. */
  areWritersReady(): Promise<boolean>;
  /**
   * Returns when all is as at the start: the kubelet, the hosted cluster, its operators, writers and members. Where pods
   * were replaced or started again since the last time, they must have been so for a while.
   */
  settle(): Promise<void>;
  /** Removes its objects; does not wait until its pods are gone. */
  end(): Promise<void>;
  /**
   * Removes its objects and volumes, and waits until its namespace is gone: another of the same name can come. With
   * `keepVolumes` that one finds what this one's etcd has left.
   */
  close(options?: { readonly keepVolumes: boolean }): Promise<void>;
}

const timeoutMs = 400_000;
/** An API server that was just started again can end again: it does where it finds no etcd. */
const calmMs = 3_000;

/** Returns when every pod is ready. */
export async function startHostedCluster(
  layout: Layout,
  admin: KubeClient,
  options: HostedClusterOptions,
): Promise<HostedCluster> {
  const { namespace, name, members } = options;
  const applied = await applyHostedCluster(layout, admin, options);
  const { controlPlaneNamespace: inner, acknowledgedFolder, authority } = applied;
  const adminPair = await authority.issue({ commonName: "admin", organization: "system:masters" });
  const areWritersReady = async (): Promise<boolean> => {
    const problems = await findWorkloadProblems(admin, options, inner);
    if (problems.length > 0) throw new Error(problems.join("; "));
    return true;
  };
  const { client } = applied.etcdPki;
  const credentials = {
    apiServers: { ca: authority.certificate, ...adminPair, serverName: "localhost" },
    etcd: { ca: applied.etcdPki.authority.certificate, ...client, serverName: "localhost" },
  };
  let settledPods: string | undefined;
  const settle = async (): Promise<void> => {
    let calm: { readonly pods: string; readonly sinceMs: number } | undefined;
    const isSettled = async (): Promise<boolean> => {
      const { problems, pods } = await lookAtCluster(admin, options, applied, credentials);
      if (problems.length > 0) {
        calm = undefined;
        settledPods = undefined;
        throw new Error(problems.join("; "));
      }
      if (calm?.pods !== pods) calm = { pods, sinceMs: performance.now() };
      return pods === settledPods || performance.now() - calm.sinceMs >= calmMs;
    };
    await waitUntil(`${namespace}/${name} is as it was`, isSettled, { timeoutMs, intervalMs: 250 });
    settledPods = calm?.pods;
  };
  let stopOperators: (() => void) | undefined;
  const end = async (): Promise<void> => {
    stopOperators?.();
    await admin.remove("HostedCluster", namespace, name);
    await admin.remove("NodePool", namespace, name);
    // As HyperShift does; only what was sealed beside a snapshot has the key then.
    await admin.remove("Secret", namespace, encryptionSecretName(name));
    await admin.remove("Namespace", "", inner);
    // Nobody needs a pod's last seconds.
    await admin.call("DELETE", `/api/v1/namespaces/${inner}/pods?gracePeriodSeconds=1`);
  };
  const close: HostedCluster["close"] = async ({ keepVolumes } = { keepVolumes: false }) => {
    await end();
    const isGone = async (): Promise<boolean> => (await admin.find("Namespace", "", inner)) === undefined;
    await waitUntil(`namespace ${inner} is gone`, isGone, { timeoutMs });
    await removeEtcdVolumes(layout, admin, inner, { members, keepFiles: keepVolumes });
    await rm(acknowledgedFolder, { recursive: true });
  };
  try {
    await waitUntil(`etcd and the writers in ${inner} are ready`, areWritersReady, { timeoutMs });
  } catch (error) {
    await end();
    throw error;
  }
  if (options.operators !== "none") stopOperators = startRealOperators(admin, { namespace, name }, inner);
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
    connect: () => connectHosted(admin, inner, credentials.apiServers),
    journal: async () => {
      const hostedCluster = await admin.find("HostedCluster", namespace, name);
      return parseJournal(stringAt(hostedCluster, "metadata", "annotations", journalAnnotation) ?? "", undefined);
    },
    areWritersReady,
    settle,
    end,
    close,
  };
}

async function connectHosted(
  admin: KubeClient,
  controlPlane: string,
  credentials: HostedCredentials["apiServers"],
): Promise<KubeClient> {
  return waitUntil(
    `a kube-apiserver in ${controlPlane} answers`,
    async () => {
      const pods = await admin.list("Pod", controlPlane, "app=kube-apiserver");
      for (const pod of pods) {
        const url = `https://${stringAt(pod, "status", "podIP") ?? ""}:${String(kubeApiserverPort)}`;
        const client = createKubeClient({ ...credentials, url });
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
