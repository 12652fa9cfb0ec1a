import { ActionError } from "../errors.ts";
import { findLiveJournal } from "../hold/dead-run.ts";
import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import type { ContainerTemplate, PodTemplate } from "../hypershift/pod-template.ts";
import { findImageRelease, findRelease } from "../hypershift/release.ts";
import { restoreScriptOf, restoreToolOf, type RestoreScript, type RestoreTool } from "../hypershift/restore-script.ts";
import type { Workload } from "../hypershift/workload.ts";
import type { Access, ManagementCluster, ObjectRef } from "../ports.ts";
import { deniedAll, execAccesses, refuseDenied } from "../preflight/access.ts";
import { readHostedCluster } from "../preflight/hosted-cluster.ts";
import { quote } from "../shown-text.ts";
import { podName } from "./pod-manifest.ts";

/** The living hosted cluster, as far as a pod is made after it. */
export interface LivingCluster {
  readonly controlPlane: string;
  readonly releaseVersion: string | undefined;
  readonly etcd: PodTemplate;
  readonly etcdImage: string;
  /** The program of its API server, without arguments. */
  readonly apiServer: { readonly image: string; readonly program: readonly string[] };
  /** How it would be restored. */
  readonly script: RestoreScript;
  readonly plainTool: RestoreTool;
}

/** Every access of a drill; docs/rbac.yaml grants exactly these. */
export function drillAccesses(hostedCluster: ObjectRef, namespace: string): readonly Access[] {
  const controlPlane = controlPlaneNamespace(hostedCluster.namespace, hostedCluster.name);
  return [
    { verb: "get", group: "hypershift.openshift.io", resource: "hostedclusters", ...hostedCluster },
    { verb: "get", group: "apps", resource: "statefulsets", namespace: controlPlane, name: "etcd" },
    { verb: "get", group: "apps", resource: "deployments", namespace: controlPlane, name: "kube-apiserver" },
    { verb: "create", group: "", resource: "pods", namespace },
    { verb: "get", group: "", resource: "pods", namespace, name: podName },
    { verb: "delete", group: "", resource: "pods", namespace, name: podName },
    ...execAccesses(namespace, podName),
  ];
}

/** Throws `permission-missing` with all that is denied. */
export async function assertDrillAllowed(
  cluster: Pick<ManagementCluster, "findDeniedAccesses">,
  hostedCluster: ObjectRef,
  namespace: string,
): Promise<void> {
  const needed = drillAccesses(hostedCluster, namespace);
  const denied = await cluster.findDeniedAccesses(needed);
  const account = "etcd-drill";
  const isOfCluster = (access: Access): boolean => access.namespace !== namespace;
  if (needed.filter(isOfCluster).length === denied.filter(isOfCluster).length) throw deniedAll(hostedCluster, account);
  const further =
    namespace === "etcd-restore-drill" ? "" : `; first put ${namespace} in place of etcd-restore-drill in that file`;
  refuseDenied(denied, hostedCluster, { mode: "drill", account, further });
}

/**
 * Reads the hosted cluster and what its pods are made of. Throws `hosted-cluster-not-found`, `hosted-cluster-held`,
 * `journal-unreadable`, and `hosted-cluster-unsuitable` for one that is being upgraded, has no etcd of its own, or no API server.
 */
export async function readLivingCluster(cluster: ManagementCluster, ref: ObjectRef): Promise<LivingCluster> {
  const hostedCluster = await readFree(cluster, ref);
  const controlPlane = controlPlaneNamespace(ref.namespace, ref.name);
  const [etcd, apiServer] = await Promise.all([
    cluster.findStatefulSet({ namespace: controlPlane, name: "etcd" }),
    cluster.findDeployment({ namespace: controlPlane, name: "kube-apiserver" }),
  ]);
  const etcdContainer = containerOf(ref, etcd, "StatefulSet etcd", "etcd");
  const apiContainer = containerOf(ref, apiServer, "Deployment kube-apiserver", "kube-apiserver");
  const words = [...apiContainer.command, ...apiContainer.args];
  const flags = words.findIndex((word) => word.startsWith("-"));
  const release = findRelease(hostedCluster.releaseVersion) ?? findImageRelease(hostedCluster.releaseImage ?? "");
  return {
    controlPlane,
    releaseVersion: hostedCluster.releaseVersion,
    etcd: etcdContainer.template,
    etcdImage: etcdContainer.image,
    apiServer: { image: apiContainer.image, program: flags < 0 ? words : words.slice(0, flags) },
    script: restoreScriptOf(etcdContainer.template, release),
    plainTool: restoreToolOf(release),
  };
}

/** Throws `hosted-cluster-held` where a run holds the hosted cluster, and `hosted-cluster-unsuitable` in an upgrade. */
export async function readFree(cluster: ManagementCluster, ref: ObjectRef) {
  const hostedCluster = await readHostedCluster(cluster, ref);
  const name = `${ref.namespace}/${ref.name}`;
  const live = findLiveJournal(hostedCluster, hostedCluster.answeredAt);
  if (live !== undefined)
    throw new ActionError("hosted-cluster-held", `hosted cluster ${name} is held by a backup until ${live.deadline}`, {
      hint: `wait for ${live.run.url || "that run"} to end; a drill takes nothing from a backup, not even the disk of a node`,
    });
  const unsuitable = (problem: string, hint: string): ActionError =>
    new ActionError("hosted-cluster-unsuitable", `hosted cluster ${name} ${problem}`, { hint });
  if (hostedCluster.rollout !== undefined)
    throw unsuitable(
      `is being upgraded to ${quote(hostedCluster.rollout.release)}, since ${hostedCluster.rollout.since}`,
      "drill when it is done: until then nobody can say which images a restore would get",
    );
  if (hostedCluster.etcd.managementType !== "Managed" || hostedCluster.etcd.sharded)
    throw unsuitable(
      "has no single etcd that HyperShift manages",
      "a drill starts the etcd of HyperShift's StatefulSet etcd; there is no other way to restore",
    );
  return hostedCluster;
}

function containerOf(
  ref: ObjectRef,
  workload: Workload | undefined,
  what: string,
  name: string,
): ContainerTemplate & { readonly template: PodTemplate } {
  const container = workload?.template.containers.find((each) => each.name === name);
  if (workload !== undefined && container !== undefined && container.image !== "")
    return { ...container, template: workload.template };
  throw new ActionError(
    "hosted-cluster-unsuitable",
    `hosted cluster ${ref.namespace}/${ref.name} has no ${what} with a container ${name} and its image`,
    { hint: "wait until HyperShift has made the control plane, then run again" },
  );
}
