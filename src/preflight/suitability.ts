import { ActionError } from "../errors.ts";
import {
  findCondition,
  isReconciling,
  writerNames,
  type HostedCluster,
  type HostedControlPlane,
} from "../hypershift/hosted-cluster.ts";
import { isPausing, mayPause } from "../hypershift/pause.ts";
import type { Workload } from "../hypershift/workload.ts";
import { findLiveJournal } from "../hold/dead-run.ts";
import type { Writer } from "../hold/terms.ts";
import type { ManagementCluster } from "../ports.ts";
import { quote } from "../shown-text.ts";
import type { Findings } from "./findings.ts";

/** From 4.14 on the etcd image has etcdutl, and HyperShift takes one restoreSnapshotURL for all members. */
const oldestRelease = [4, 14] as const;

/** The deployments to stop, as they are. Throws `writers-not-ready` when one that every hosted cluster has is missing. */
export async function readWriters(
  namespace: string,
  world: { readonly cluster: Pick<ManagementCluster, "findDeployment"> },
): Promise<readonly Workload[]> {
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

/** The writer that a deployment is; none for one of another name. */
export function toWriter(deployment: Workload): readonly Writer[] {
  const { replicas, readyReplicas, gracePeriodSeconds, matchLabels } = deployment;
  return writerNames
    .filter((name) => name === deployment.name)
    .map((name) => ({ name, replicas, readyReplicas, gracePeriodSeconds, matchLabels }));
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
        { hint: "find out who scaled it up, scale it down, then run again; or back up online with quiesce: false" },
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
  { controlPlane, now }: { readonly controlPlane: HostedControlPlane | undefined; readonly now: Date },
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
  else if (mayPause(hostedCluster.pausedUntil, now)) findings.addStopping(pausedByOthers(hostedCluster, now));
  else if (controlPlane !== undefined && !isReconciling(controlPlane))
    findings.addStopping(
      new ActionError(
        "hosted-cluster-paused",
        `HyperShift does not reconcile hosted cluster ${name}: ReconciliationActive of its HostedControlPlane is not True at its generation`,
        {
          hint: `find out who paused it, and look at the control-plane-operator in ${controlPlane.namespace}: nobody would bring stopped API servers back`,
        },
      ),
    );
  if (isTooOld(hostedCluster.releaseVersion))
    findings.add(
      unsuitable(
        `has release ${quote(hostedCluster.releaseVersion ?? "")}, older than ${oldestRelease.join(".")}`,
        "upgrade it first: older etcd images lack the tools, and older operators restore otherwise",
      ),
    );
  if (hostedCluster.deleting) findings.add(unsuitable("is being deleted", "nothing can be backed up any more"));
  const { managementType } = hostedCluster.etcd;
  if (managementType !== "Managed")
    findings.add(
      new ActionError(
        "etcd-unmanaged",
        `etcd of hosted cluster ${name} is ${managementType === "" ? "of no known type" : quote(managementType)}, not Managed`,
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
    findings.addHealth(
      unsuitable(
        `is being upgraded${describeRollout(hostedCluster)}`,
        "wait until the upgrade is done, or set allow-unhealthy: true to back up all the same",
      ),
    );
  if (findCondition(hostedCluster.conditions, "ValidConfiguration")?.status === "False")
    findings.addStopping(
      unsuitable(
        "has an invalid configuration, so HyperShift would not bring stopped writers back",
        "mend its configuration first",
      ),
    );
  const debugged = hostedCluster.annotations["hypershift.openshift.io/debug-deployments"] ?? "";
  if (writerNames.some((writer) => debugged.split(",").includes(writer)))
    findings.addStopping(
      unsuitable("keeps a writer at 0 by the annotation debug-deployments", "remove that annotation first"),
    );
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
    findings.addStopping(unsuitable("has an invalid control plane configuration", "mend its configuration first"));
  }
}

function pausedByOthers({ namespace, name, pausedUntil, pausedBy }: HostedCluster, now: Date): ActionError {
  const value = JSON.stringify(pausedUntil);
  const who = pausedBy === undefined ? "someone else" : `${JSON.stringify(pausedBy.manager)}, since ${pausedBy.since}`;
  return new ActionError(
    "hosted-cluster-paused",
    isPausing(pausedUntil, now)
      ? `hosted cluster ${namespace}/${name} is paused until ${value} by ${who}`
      : `hosted cluster ${namespace}/${name} has the pause ${value} of ${who}, which is a date that this version does not read; HyperShift may`,
    {
      hint: "wait until they are done, or remove spec.pausedUntil, then run again; or back up online with quiesce: false",
    },
  );
}

function describeRollout({ rollout }: HostedCluster): string {
  return rollout === undefined ? "" : ` to ${quote(rollout.release)}, since ${rollout.since}`;
}

/** False for a version that is not known: a release named by digest says none until it is rolled out. */
function isTooOld(version: string | undefined): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version ?? "") ?? [];
  if (major === undefined || minor === undefined) return false;
  const [oldestMajor, oldestMinor] = oldestRelease;
  return Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor);
}
