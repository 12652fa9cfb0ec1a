import { ActionError, hasCode } from "../errors.ts";
import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import { findInitScript, isSnapshotRestored, restoreContainer, type InitScript } from "../hypershift/restore-script.ts";
import { etcdLabels, type Pod } from "../hypershift/workload.ts";
import { inspectMember } from "../pod/inspection.ts";
import type { Member } from "../pod/member.ts";
import type { ManagementCluster, ObjectRef } from "../ports.ts";
import { memberNames } from "../preflight/access.ts";
import { readOwner } from "../preflight/hosted-cluster.ts";
import { limits } from "../time-limits.ts";
import type { VerifyRestoreWorld } from "./world.ts";

type WaitWorld = Pick<VerifyRestoreWorld, "cluster" | "clock" | "log" | "signal">;

/** What one look found: what is waited for, in words, or what was to come. */
type Look<T> = { readonly waitsFor: string } | { readonly found: T };

/** An etcd that HyperShift says to be restored. */
export interface RestoredEtcd {
  readonly hostedCluster: HostedCluster;
  /** All of them, each with its own report on itself. */
  readonly members: readonly Member[];
  /** The init script that the StatefulSet had while it restored; undefined where that was over before. */
  readonly script: InitScript | undefined;
}

/**
 * Waits until HyperShift says that every member has started from the snapshot, has taken the init container away, and each member
 * answers. Throws `restore-unfinished` with what was waited for last, `etcd-not-restored` for a cluster that is to start from no
 * snapshot, and as readOwner does.
 */
export async function waitForRestore(world: WaitWorld, ref: ObjectRef): Promise<RestoredEtcd> {
  let script: InitScript | undefined;
  const found = await waitFor(world, limits.restoredMs, async () => {
    const hostedCluster = await readOwner(world.cluster, ref);
    refuseUnrestored(hostedCluster);
    const look = await lookAtEtcd(world, ref);
    script ??= look.script;
    if (look.waitsFor !== undefined) return { waitsFor: look.waitsFor };
    return askMembers(world, ref, look.replicas, hostedCluster);
  });
  return { ...found, script };
}

/** Waits until all API servers of the hosted cluster are ready. Throws `restore-unfinished`. */
export async function waitForApiServer(world: WaitWorld, ref: ObjectRef): Promise<void> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  await waitFor(world, limits.restoredServerMs, async () => {
    const found = await world.cluster.findDeployment({ namespace, name: "kube-apiserver" });
    const { replicas = 0, readyReplicas = 0 } = found ?? {};
    return replicas > 0 && readyReplicas >= replicas
      ? { found: true }
      : { waitsFor: `kube-apiserver: ${found === undefined ? "not made yet" : ready(readyReplicas, replicas)}` };
  });
}

/** Looks again and again; says what it waits for when that changes. */
async function waitFor<T>(world: WaitWorld, limitMs: number, look: () => Promise<Look<T>>): Promise<T> {
  const { clock, log, signal } = world;
  const giveUpMs = clock.nowMs() + limitMs;
  let told: string | undefined;
  for (;;) {
    const seen = await look();
    if ("found" in seen) return seen.found;
    const { waitsFor } = seen;
    if (waitsFor !== told) log.info(`waiting: ${waitsFor}`);
    told = waitsFor;
    if (clock.nowMs() >= giveUpMs)
      throw new ActionError(
        "restore-unfinished",
        `the restored cluster was waited for ${String(limitMs / 60_000)} min; last seen: ${waitsFor}`,
        {
          hint: `look at the pods of its control plane namespace and at the log of their container ${restoreContainer}; docs/restore.md says what each failure means; run verify-restore again when it goes on`,
        },
      );
    await clock.sleep(limits.restorePollMs, signal);
  }
}

function refuseUnrestored({ namespace, name, deleting, etcd }: HostedCluster): void {
  if (deleting)
    throw new ActionError("hosted-cluster-unsuitable", `hosted cluster ${namespace}/${name} is being deleted`, {
      hint: "wait until it is gone and the new one is there, then run verify-restore",
    });
  if (etcd.managementType !== "Managed")
    throw new ActionError("etcd-unmanaged", `the etcd of ${namespace}/${name} is not managed by HyperShift`, {
      hint: "only an etcd that HyperShift runs can be restored and looked at",
    });
  if (!etcd.restored)
    throw new ActionError(
      "etcd-not-restored",
      `hosted cluster ${namespace}/${name} was created without restoreSnapshotURL: its etcd started empty`,
      {
        hint: "delete it, and create it from the manifest that restore-render writes; the field cannot be added later",
      },
    );
}

interface EtcdLook {
  readonly script: InitScript | undefined;
  readonly replicas: number;
  /** Undefined where there is nothing to wait for. */
  readonly waitsFor: string | undefined;
}

async function lookAtEtcd({ cluster }: { readonly cluster: ManagementCluster }, ref: ObjectRef): Promise<EtcdLook> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const [controlPlane, statefulSet, pods] = await Promise.all([
    cluster.findHostedControlPlane({ namespace, name: ref.name }),
    cluster.findStatefulSet({ namespace, name: "etcd" }),
    cluster.listPods(namespace, etcdLabels),
  ]);
  const script = statefulSet && findInitScript(statefulSet);
  const looked = (waitsFor: string | undefined): EtcdLook => ({
    script,
    replicas: statefulSet?.replicas ?? 0,
    waitsFor,
  });
  if (controlPlane === undefined) return looked("HyperShift has not made the HostedControlPlane yet");
  if (statefulSet === undefined) return looked("HyperShift has not made the StatefulSet etcd yet");
  if (!isSnapshotRestored(controlPlane))
    return looked(`condition EtcdSnapshotRestored is not True yet; ${describePods(pods)}`);
  if (script !== undefined)
    return looked(
      `etcd is restored; HyperShift has not taken ${restoreContainer} away yet, which restarts the members`,
    );
  const { replicas, readyReplicas, updatedReplicas, generation, observedGeneration } = statefulSet;
  const areReady = updatedReplicas >= replicas && readyReplicas >= replicas;
  // An etcd that was scaled to nothing has no member to be asked.
  if (observedGeneration < generation || replicas === 0 || !areReady)
    return looked(`etcd: ${ready(readyReplicas, replicas)} after the restore`);
  return looked(undefined);
}

/** A member that is just being restarted is asked again later. */
async function askMembers(
  world: WaitWorld,
  ref: ObjectRef,
  replicas: number,
  hostedCluster: HostedCluster,
): Promise<Look<Omit<RestoredEtcd, "script">>> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  try {
    const members = await Promise.all(
      memberNames({ replicas }).map((name) => inspectMember({ namespace, name }, world)),
    );
    return { found: { hostedCluster, members } };
  } catch (error) {
    if (!hasCode(error, "etcd-unhealthy", "exec-failed", "exec-interrupted")) throw error;
    return { waitsFor: error.message };
  }
}

function describePods(pods: readonly Pod[]): string {
  if (pods.length === 0) return "there is no pod of etcd";
  return pods
    .map(({ name, ready: isReady, initContainers }) => {
      const init = initContainers.find((container) => container.name === restoreContainer);
      if (init !== undefined && !init.ready && init.restarts > 0)
        return `${name}: ${restoreContainer} failed ${String(init.restarts)} times, last with exit code ${String(init.exitCode ?? "unknown")}`;
      if (init !== undefined && !init.ready) return `${name}: ${restoreContainer} has not ended`;
      return `${name}: ${isReady ? "ready" : "not ready"}`;
    })
    .join(", ");
}

function ready(readyReplicas: number, replicas: number): string {
  return `${String(readyReplicas)} of ${String(replicas)} ready`;
}
