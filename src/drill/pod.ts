import { ActionError, hasCode } from "../errors.ts";
import type { OwnPod } from "../hypershift/workload.ts";
import { persist } from "../persist.ts";
import type { Clock, Log, ManagementCluster, ObjectRef } from "../ports.ts";
import type { PodManifest } from "../ports/own-pods.ts";
import { renderLine } from "../shown-text.ts";
import { limits } from "../time-limits.ts";
import { parseTime } from "../time.ts";
import { apiServerContainer, deadlineAnnotation, etcdContainer, nonceAnnotation } from "./pod-manifest.ts";
import type { NamedPod } from "./world.ts";

/** The parts of the world that the pod of a drill needs; `signal` ends the waiting. */
export interface PodWorld {
  readonly cluster: Pick<ManagementCluster, "findPod" | "createPod" | "deletePod" | "readServerTime">;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Reasons of a kubelet that does not get an image, and tries again on its own or gives up. */
const imageProblems = ["ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable"];
/** Reasons of a kubelet that cannot start a container whose image is there. */
const startProblems = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"];

/**
 * Removes the pod of a drill that is over, as its state or its deadline says. Throws `drill-running` for one that is not: two
 * drills exclude each other.
 */
export async function removeEnded(world: PodWorld, ref: ObjectRef): Promise<void> {
  const found = await world.cluster.findPod(ref);
  if (found === undefined) return;
  const now = await world.cluster.readServerTime();
  const deadline = parseTime(found.annotations[deadlineAnnotation] ?? "");
  const isOver = ["Succeeded", "Failed"].includes(found.phase) || (deadline !== undefined && deadline < now);
  if (!isOver && !found.terminating) throw running(ref, found);
  world.log.info(`pod ${ref.name} in ${ref.namespace} is of a drill that is over; it is removed`);
  await removePod(world, ref, found.uid);
}

/**
 * Makes the pod. Throws `drill-running` where another drill was faster, which a quota of one pod may say first, `pod-refused`, and
 * as createPod does.
 */
export async function makePod({ cluster }: PodWorld, manifest: PodManifest): Promise<OwnPod> {
  try {
    return await cluster.createPod(manifest);
  } catch (error) {
    if (!hasCode(error, "hold-conflict", "pod-refused")) throw error;
    // The first try may have made it, and its answer was lost.
    const found = await cluster.findPod(manifest.metadata);
    if (found === undefined) throw error;
    if (found.annotations[nonceAnnotation] === manifest.metadata.annotations[nonceAnnotation]) return found;
    throw running(manifest.metadata, found);
  }
}

/**
 * Waits until etcd's container runs and the API server's has started or cannot. Throws `drill-pod-unschedulable`,
 * `drill-image-missing`, `drill-pod-not-started`, `drill-pod-lost`.
 */
export async function waitForStart({ cluster, clock, log, signal }: PodWorld, ref: ObjectRef): Promise<OwnPod> {
  const beganMs = clock.nowMs();
  let said = "";
  for (;;) {
    const pod = refuseLost(ref, await cluster.findPod(ref));
    const [etcd, apiServer] = [etcdContainer, apiServerContainer].map((name) =>
      pod.containers.find((container) => container.name === name),
    );
    for (const container of pod.containers) {
      if (imageProblems.includes(container.waitsFor)) throw noImage(ref, container);
      // Without its API server a drill still shows the etcd.
      if (container.name === etcdContainer && startProblems.includes(container.waitsFor))
        throw notStarted(ref, container);
    }
    if (etcd?.exitCode !== undefined) throw lost(ref, `ended its container ${etcdContainer}`);
    const isApiServerDecided =
      apiServer !== undefined &&
      (apiServer.running || apiServer.exitCode !== undefined || startProblems.includes(apiServer.waitsFor));
    if (etcd?.running === true && isApiServerDecided) return pod;
    const waitedMs = clock.nowMs() - beganMs;
    if (pod.unschedulable !== undefined && waitedMs > limits.drillScheduleMs)
      throw unschedulable(ref, pod.unschedulable);
    const waitsFor = pod.unschedulable ?? (etcd?.waitsFor || "its node");
    if (waitsFor !== said) log.info(`pod ${ref.name} waits for ${waitsFor}`);
    said = waitsFor;
    await clock.sleep(limits.drillPollMs, signal);
  }
}

/** The pod, where it has not ended. Throws `drill-pod-lost`, and `drill-disk-full` for one that was evicted for its disk. */
export function refuseLost(ref: ObjectRef, pod: OwnPod | undefined): OwnPod {
  if (pod !== undefined && !pod.terminating && !["Succeeded", "Failed"].includes(pod.phase)) return pod;
  if (pod?.endedBy === "Evicted")
    throw new ActionError(
      "drill-disk-full",
      `pod ${ref.name} in ${ref.namespace} was evicted from its node: it needed more than was left there`,
      {
        hint: "give the nodes that may run it more ephemeral storage; a drill needs twice the snapshot and 1 GiB",
      },
    );
  const how =
    pod === undefined
      ? "is gone"
      : pod.terminating
        ? "is being deleted"
        : `ended${pod.endedBy === "" ? "" : ` (${pod.endedBy})`}`;
  throw lost(ref, how);
}

function lost({ namespace, name }: ObjectRef, how: string): ActionError {
  return new ActionError("drill-pod-lost", `pod ${name} in ${namespace} ${how} before the drill was done`, {
    hint: "look whether its node is well, and who deletes pods there; then run again",
  });
}

/**
 * Removes the pod of a drill, wherever it stands, in a time of its own. Returns whether it is gone; what keeps it is a
 * warning, since it ends by itself.
 */
export async function tryRemove(
  world: Omit<PodWorld, "signal"> & { readonly cluster: Pick<ManagementCluster, "withSignal"> },
  { namespace, name, nonce }: NamedPod,
): Promise<boolean> {
  const { clock, log } = world;
  const ref = { namespace, name };
  // Not of the run's own signal: a cancelled run removes its pod, too.
  const signal = new AbortController().signal;
  try {
    await persist({ clock, signal }, async (within) => {
      const cluster = world.cluster.withSignal(within);
      const found = await cluster.findPod(ref);
      if (found?.annotations[nonceAnnotation] !== nonce) return;
      await removePod({ clock, log, cluster, signal: within }, ref, found.uid);
    });
    return true;
  } catch (error) {
    const code = error instanceof ActionError ? `${error.code}: ${error.message}` : "internal";
    log.warning(
      `pod ${name} in ${namespace} could not be removed (${code}); it ends by itself, and with it what is secret in its memory. By hand:\n  kubectl delete pod ${name} -n ${namespace}`,
    );
    return false;
  }
}

/** Deletes the pod, and waits until its node has confirmed that; a node that does not is not waited for. */
async function removePod({ cluster, clock, signal }: PodWorld, ref: ObjectRef, uid: string): Promise<void> {
  await cluster.deletePod(ref, uid, 1);
  const endMs = clock.nowMs() + limits.drillGoneMs;
  while ((await cluster.findPod(ref))?.uid === uid) {
    if (clock.nowMs() >= endMs) {
      await cluster.deletePod(ref, uid, 0);
      return;
    }
    await clock.sleep(limits.drillPollMs, signal);
  }
}

function running({ namespace, name }: ObjectRef, pod: OwnPod): ActionError {
  const until = pod.annotations[deadlineAnnotation] ?? "an unknown time";
  return new ActionError("drill-running", `another drill has its pod ${name} in ${namespace}, until ${until}`, {
    hint: "wait for its end; a workflow with a concurrency group for drills never runs two at once",
  });
}

function unschedulable({ namespace, name }: ObjectRef, why: string): ActionError {
  return new ActionError(
    "drill-pod-unschedulable",
    `no node takes pod ${name} in ${namespace}: ${renderLine(why).slice(0, 300) || "the scheduler does not say why"}`,
    { hint: "it needs twice the snapshot and 1 GiB of ephemeral storage on a node where etcd may run" },
  );
}

interface Waiting {
  readonly name: string;
  readonly waitsFor: string;
  readonly message: string;
}

function noImage({ namespace, name }: ObjectRef, container: Waiting): ActionError {
  return new ActionError(
    "drill-image-missing",
    `the image of container ${container.name} of pod ${name} in ${namespace} cannot be pulled: ${container.waitsFor}`,
    {
      hint:
        "give the pull secret of the hosted cluster to the drill's ServiceAccount:\n" +
        `  kubectl patch serviceaccount ${name} -n ${namespace} -p '{"imagePullSecrets":[{"name":"pull-secret"}]}'\n` +
        "after the Secret pull-secret was copied there from the namespace of the control plane",
    },
  );
}

function notStarted({ namespace, name }: ObjectRef, container: Waiting): ActionError {
  const message = container.message.replaceAll(/[^\x20-\x7e]/g, " ").slice(0, 300);
  return new ActionError(
    "drill-pod-not-started",
    `container ${container.name} of pod ${name} in ${namespace} cannot be started: ${container.waitsFor}: ${message}`,
    { hint: "look at kubectl describe pod; the image must run as another user than root, with a shell" },
  );
}
