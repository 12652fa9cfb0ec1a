import { ActionError } from "../errors.ts";
import {
  findCondition,
  writerNames,
  type HostedCluster,
  type HostedControlPlane,
  type WriterName,
} from "../hypershift/hosted-cluster.ts";
import { isPausing } from "../hypershift/pause.ts";
import type { Workload } from "../hypershift/workload.ts";
import { findLiveJournal } from "../recover/dead-run.ts";
import type { Findings } from "./findings.ts";
import type { BackupWorld } from "./world.ts";

/** From 4.14 on the etcd image has etcdutl, and HyperShift takes one restoreSnapshotURL for all members. */
const oldestRelease = [4, 14] as const;

/** A deployment that writes to etcd, as it is to be put back. */
export interface Writer {
  readonly name: WriterName;
  readonly replicas: number;
  /** Before anything was stopped: fewer than wanted only with `allow-unhealthy`. */
  readonly readyReplicas: number;
  readonly gracePeriodSeconds: number;
  readonly matchLabels: Readonly<Record<string, string>>;
}

/** The deployments to stop, as they are. Throws `writers-not-ready` when one that every hosted cluster has is missing. */
export async function readWriters(namespace: string, world: BackupWorld): Promise<readonly Workload[]> {
  const found = await Promise.all(writerNames.map((name) => world.cluster.findDeployment({ namespace, name })));
  // openshift-oauth-apiserver does not exist with an external OIDC provider.
  const missing = writerNames.filter(
    (name, index) => found[index] === undefined && name !== "openshift-oauth-apiserver",
  );
  if (missing.length > 0)
    throw new ActionError(
      "writers-not-ready",
      `deployment ${missing.join(" and ")} is missing in namespace ${namespace}`,
      {
        hint: "wait until HyperShift has made the control plane, then run again",
      },
    );
  return found.filter((deployment) => deployment !== undefined);
}

export function toWriter(deployment: Workload): Writer {
  const name = writerNames.find((known) => known === deployment.name) ?? "kube-apiserver";
  const { replicas, readyReplicas, gracePeriodSeconds, matchLabels } = deployment;
  return { name, replicas, readyReplicas, gracePeriodSeconds, matchLabels };
}

export function checkWriter(deployment: Workload, findings: Findings): void {
  const { name, namespace, replicas, readyReplicas } = deployment;
  if (replicas === 0)
    findings.add(
      new ActionError("writers-not-ready", `deployment ${name} in ${namespace} is scaled to 0 already`, {
        hint: "find out who stopped it, bring it back, then run again; or back up online with quiesce: false",
      }),
    );
  else if (replicas > 10)
    findings.add(
      new ActionError(
        "writers-not-ready",
        `deployment ${name} in ${namespace} wants ${String(replicas)} replicas, more than 10`,
      ),
    );
  else if (readyReplicas < replicas)
    findings.addHealth(
      new ActionError(
        "writers-not-ready",
        `deployment ${name} in ${namespace} has ${String(readyReplicas)} of ${String(replicas)} pods ready`,
        {
          hint: "wait until its pods are ready, or set allow-unhealthy: true to back up all the same",
        },
      ),
    );
}

export function checkHostedCluster(
  hostedCluster: HostedCluster,
  controlPlane: HostedControlPlane | undefined,
  now: Date,
  findings: Findings,
): void {
  const name = `${hostedCluster.namespace}/${hostedCluster.name}`;
  const unsuitable = (problem: string, hint: string): ActionError =>
    new ActionError("hosted-cluster-unsuitable", `hosted cluster ${name} ${problem}`, { hint });
  const live = findLiveJournal(hostedCluster, now);
  if (live !== undefined)
    findings.add(
      new ActionError(
        "hosted-cluster-held",
        `hosted cluster ${name} is held by another backup until ${live.deadline}`,
        {
          hint: `wait for ${live.run.url || "that run"} to end, or for the deadline; then run again`,
        },
      ),
    );
  else if (isPausing(hostedCluster.pausedUntil, now))
    findings.add(
      new ActionError(
        "hosted-cluster-paused",
        `hosted cluster ${name} is paused until ${JSON.stringify(hostedCluster.pausedUntil)} by someone else`,
        {
          hint: "wait until they are done, or remove spec.pausedUntil, then run again",
        },
      ),
    );
  if (isTooOld(hostedCluster.releaseVersion))
    findings.add(
      unsuitable(
        `has release ${hostedCluster.releaseVersion ?? ""}, older than ${oldestRelease.join(".")}`,
        "upgrade it first: older etcd images lack the tools, and older operators restore otherwise",
      ),
    );
  if (hostedCluster.deleting) findings.add(unsuitable("is being deleted", "nothing can be backed up any more"));
  if (hostedCluster.etcd.managementType !== "Managed")
    findings.add(
      new ActionError(
        "etcd-unmanaged",
        `etcd of hosted cluster ${name} is ${hostedCluster.etcd.managementType || "of no known type"}, not Managed`,
        {
          hint: "back it up where it runs; this action backs up the etcd that HyperShift manages",
        },
      ),
    );
  if (hostedCluster.etcd.sharded)
    findings.add(
      unsuitable("has etcd shards", "a snapshot of one shard is not the whole cluster; this is not supported"),
    );
  if (findCondition(hostedCluster.conditions, "Progressing")?.status === "True")
    findings.addHealth(unsuitable("is being upgraded", "wait until the upgrade is done"));
  if (findCondition(hostedCluster.conditions, "ValidConfiguration")?.status === "False")
    findings.add(
      unsuitable(
        "has an invalid configuration, so HyperShift would not bring stopped writers back",
        "mend its configuration first",
      ),
    );
  const debugged = hostedCluster.annotations["hypershift.openshift.io/debug-deployments"] ?? "";
  if (writerNames.some((writer) => debugged.split(",").includes(writer)))
    findings.add(unsuitable("keeps a writer at 0 by the annotation debug-deployments", "remove that annotation first"));
  if (controlPlane === undefined) {
    if (findings.none)
      findings.add(unsuitable("has no HostedControlPlane", "wait until HyperShift has made the control plane"));
  } else if (controlPlane.owner !== name) {
    findings.add(
      unsuitable(
        `is not the owner of its HostedControlPlane, which names ${JSON.stringify(controlPlane.owner ?? "none")}`,
        "check the inputs hosted-cluster and hosted-cluster-namespace",
      ),
    );
  } else if (findCondition(controlPlane.conditions, "ValidHostedControlPlaneConfiguration")?.status === "False") {
    findings.add(unsuitable("has an invalid control plane configuration", "mend its configuration first"));
  }
}

/** False for a version that is not known: a release named by digest says none until it is rolled out. */
function isTooOld(version: string | undefined): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version ?? "") ?? [];
  if (major === undefined || minor === undefined) return false;
  const [oldestMajor, oldestMinor] = oldestRelease;
  return Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor);
}
