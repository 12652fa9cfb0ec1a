import { journalAnnotation } from "../../src/hold/journal.ts";
import { writerNames } from "../../src/hypershift/hosted-cluster.ts";
import { isJsonObject, type JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { listAt, numberAt, stringAt } from "../../src/json-path.ts";
import { createKubeClient, type KubeClient, type KubeCredentials } from "../cluster/kube-client.ts";
import { nodeName } from "../cluster/layout.ts";
import type { AppliedCluster, HostedClusterOptions } from "./applied-cluster.ts";
import { kubeApiserverPort } from "./writers.ts";

/** Without the address: what speaks to the hosted kube-apiservers, and to the members of their etcd. */
export interface HostedCredentials {
  readonly apiServers: Omit<KubeCredentials, "url">;
  readonly etcd: Omit<KubeCredentials, "url">;
}

/** One look at a hosted cluster. */
export interface Look {
  /** What is not as it was when the cluster had been started; empty when all is. */
  readonly problems: readonly string[];
  /** The pods with their containers' starts, as text: the same as before when nothing was replaced or started again. */
  readonly pods: string;
}

const etcdPort = 2379;
const answerTimeoutMs = 5_000;

/**
 * Asks everything that a run needs whether it is there: the kubelet, the hosted cluster and who reconciles it, every
 * writer and member, and the API servers and members themselves, since what is said of them elsewhere comes later.
 */
export async function lookAtCluster(
  admin: KubeClient,
  options: HostedClusterOptions,
  applied: AppliedCluster,
  credentials: HostedCredentials,
): Promise<Look> {
  const { controlPlaneNamespace: inner } = applied;
  const [pods, ...problems] = await Promise.all([
    admin.list("Pod", inner),
    findKubeletProblems(admin),
    findPauseProblems(admin, options, inner),
    findWorkloadProblems(admin, options, inner),
  ]);
  const servers = pods.map((pod) => findPodProblems(pod, credentials));
  return { problems: [...problems, ...(await Promise.all(servers))].flat(), pods: renderPods(pods) };
}

async function findKubeletProblems(admin: KubeClient): Promise<readonly string[]> {
  return findAnswerProblems("kubelet", () => admin.call("GET", `/api/v1/nodes/${nodeName}/proxy/healthz`));
}

async function findPauseProblems(
  admin: KubeClient,
  { namespace, name, operators }: HostedClusterOptions,
  inner: string,
): Promise<readonly string[]> {
  const [hostedCluster, controlPlane] = await Promise.all([
    admin.find("HostedCluster", namespace, name),
    admin.find("HostedControlPlane", inner, name),
  ]);
  const problems: string[] = [];
  if (stringAt(hostedCluster, "metadata", "annotations", journalAnnotation) !== undefined)
    problems.push("there is a journal");
  for (const object of [hostedCluster, controlPlane]) {
    const kind = stringAt(object, "kind") ?? "an object";
    if (object === undefined) problems.push("the hosted cluster is not there");
    if (stringAt(object, "spec", "pausedUntil") !== undefined) problems.push(`${kind} is paused`);
    if (operators !== "none" && !isReconciled(object)) problems.push(`${kind} is not reconciled`);
  }
  return problems;
}

function isReconciled(object: JsonObject | undefined): boolean {
  return listAt(object, "status", "conditions").some(
    (condition) =>
      stringAt(condition, "type") === "ReconciliationActive" &&
      stringAt(condition, "status") === "True" &&
      numberAt(condition, "observedGeneration") === numberAt(object, "metadata", "generation"),
  );
}

/** Of etcd and the writers: which of them have not as many pods as they are to have. */
export async function findWorkloadProblems(
  admin: KubeClient,
  { members }: HostedClusterOptions,
  inner: string,
): Promise<readonly string[]> {
  const workloads = await Promise.all([
    admin.find("StatefulSet", inner, "etcd"),
    ...writerNames.map((writer) => admin.find("Deployment", inner, writer)),
  ]);
  return workloads.flatMap((workload, index) => {
    const isSeen = numberAt(workload, "status", "observedGeneration") === numberAt(workload, "metadata", "generation");
    const counts = [
      numberAt(workload, "spec", "replicas"),
      ...["replicas", "updatedReplicas", "readyReplicas"].map((field) => numberAt(workload, "status", field)),
    ];
    if (isSeen && counts.every((count) => count === members)) return [];
    return [`${["etcd", ...writerNames][index] ?? ""} has ${counts.map(String).join(", ")} of ${String(members)}`];
  });
}

async function findPodProblems(pod: JsonObject, { apiServers, etcd }: HostedCredentials): Promise<readonly string[]> {
  const name = stringAt(pod, "metadata", "name") ?? "";
  const isReady = listAt(pod, "status", "conditions").some(
    (condition) => stringAt(condition, "type") === "Ready" && stringAt(condition, "status") === "True",
  );
  if (stringAt(pod, "metadata", "deletionTimestamp") !== undefined) return [`${name} is ending`];
  if (!isReady) return [`${name} is not ready`];
  const address = stringAt(pod, "status", "podIP") ?? "";
  const ask = (port: number, path: string, credentials: Omit<KubeCredentials, "url">): Promise<readonly string[]> =>
    findAnswerProblems(name, async () => {
      const client = createKubeClient({ ...credentials, url: `https://${address}:${String(port)}` });
      try {
        await client.call("GET", path, { timeoutMs: answerTimeoutMs });
      } finally {
        client.close();
      }
    });
  switch (stringAt(pod, "metadata", "labels", "app")) {
    case "kube-apiserver":
      return ask(kubeApiserverPort, "/readyz", apiServers);
    case "etcd":
      return ask(etcdPort, "/health", etcd);
    default:
      return [];
  }
}

async function findAnswerProblems(what: string, ask: () => Promise<unknown>): Promise<readonly string[]> {
  try {
    await ask();
    return [];
  } catch (error) {
    return [`${what}: ${error instanceof Error ? error.message : String(error)}`];
  }
}

function renderPods(pods: readonly JsonObject[]): string {
  const lines = pods.map((pod) => {
    const containers = listAt(pod, "status", "containerStatuses")
      .filter(isJsonObject)
      .map((status) => `${String(status["name"])} ${String(status["restartCount"])} ${String(status["containerID"])}`);
    const changes = listAt(pod, "status", "conditions").map((one) => stringAt(one, "lastTransitionTime"));
    return [stringAt(pod, "metadata", "uid"), ...containers, ...changes].join(" ");
  });
  return lines.toSorted().join("\n");
}
