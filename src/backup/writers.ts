import { ActionError, hasCode } from "../errors.ts";
import { findCondition, type HostedControlPlane, type WriterName } from "../hypershift/hosted-cluster.ts";
import type { Replicas } from "../hypershift/journal.ts";
import { isPausing } from "../hypershift/pause.ts";
import { findDownWriters, manualCommands } from "../recover/put-back.ts";
import { limits } from "../time-limits.ts";
import type { Hold } from "./hold.ts";
import type { BackupPlan } from "./preflight.ts";
import type { Writer } from "./suitability.ts";
import type { BackupReport, BackupWorld } from "./world.ts";

const rescales = 3;

/** The generation of each stopped writer's deployment; another one later means that somebody changed it. */
type StoppedWriters = ReadonlyMap<WriterName, number>;

/**
 * Scales the writers to 0 in parallel and waits until no pod of theirs is left: for as long as it drains, an API server
 * answers writes. A writer that HyperShift brings back by a reconciliation from before the pause is scaled down again.
 */
export async function stopWriters(plan: BackupPlan, hold: Hold, world: BackupWorld): Promise<StoppedWriters> {
  const { cluster, clock, signal, log } = world;
  const namespace = plan.controlPlaneNamespace;
  // A pause that took long to be confirmed may be nearly over.
  await hold.keep();
  await hold.assertHeld(limits.captureReserveMs);
  const scaleDown = (name: WriterName): Promise<void> => cluster.scaleDeployment({ namespace, name }, 0);
  await Promise.all(plan.writers.map(({ name }) => scaleDown(name)));
  const giveUpMs = clock.nowMs() + plan.holdMs - limits.holdSlackMs + limits.podGoneSlackMs;
  let left = Infinity;
  let timesBack = 0;
  for (;;) {
    const states = await Promise.all(plan.writers.map((writer) => readWriter(namespace, writer, world)));
    const back = states.filter(({ replicas }) => replicas > 0);
    if (back.length > 0) {
      // Whoever resumed HyperShift wants them back.
      await hold.assertHeld();
      timesBack += 1;
      if (timesBack > rescales)
        throw notStopped(
          `${back.map(({ name }) => name).join(", ")} came back ${String(timesBack)} times although HyperShift is paused`,
        );
      log.info(`${back.map(({ name }) => name).join(", ")} came back and is stopped again`);
      await Promise.all(back.map(({ name }) => scaleDown(name)));
    }
    const pods = states.flatMap((state) => state.pods);
    if (pods.length === 0 && back.length === 0)
      return new Map(states.map(({ name, generation }) => [name, generation]));
    if (pods.length !== left) log.info(`waiting for the pods of the writers to end, ${String(pods.length)} are left`);
    left = pods.length;
    if (clock.nowMs() >= giveUpMs) throw notStopped(`pod ${pods.join(", ")} did not end within its grace period`);
    await hold.keep();
    await clock.sleep(limits.pollMs, signal);
  }
}

/** Throws `hold-lost` when a writer has a pod, wants one, or was changed since it was stopped. */
export async function assertStopped(plan: BackupPlan, stopped: StoppedWriters, world: BackupWorld): Promise<void> {
  const states = await Promise.all(plan.writers.map((writer) => readWriter(plan.controlPlaneNamespace, writer, world)));
  const changed = states.filter(
    ({ name, replicas, generation, pods }) => replicas > 0 || pods.length > 0 || generation !== stopped.get(name),
  );
  if (changed.length > 0)
    throw new ActionError(
      "hold-lost",
      `${changed.map(({ name }) => name).join(", ")} was started while the snapshot was opened`,
      {
        hint: "find out who scales the API servers (GitOps, an autoscaler, a human) and keep them away during a backup",
      },
    );
}

/**
 * Waits until HyperShift reconciles again and each writer has its pods back, and notes it in `report`.
 * Throws `release-failed` with what is down and what to type.
 */
export async function confirmRelease(
  plan: BackupPlan,
  hold: Hold,
  world: BackupWorld,
  report: BackupReport,
  stoppedAtMs: number,
): Promise<void> {
  const { cluster, clock, signal, log } = world;
  const { original } = hold.journal;
  const ref = { namespace: plan.controlPlaneNamespace, name: plan.hostedCluster.name };
  const giveUpMs = clock.nowMs() + limits.writersReadyMs;
  const before = countReady(plan);
  for (;;) {
    const [down, controlPlane] = await Promise.all([
      findDownWriters(cluster, ref.namespace, before),
      cluster.findHostedControlPlane(ref),
    ]).catch((error: unknown) => {
      // Nothing is asked of the API server here but how things are: while it is away, they are as they were.
      if (hasCode(error, "cluster-unreachable")) return [report.downWriters, undefined] as const;
      throw error;
    });
    report.downWriters = down;
    if (down.length === 0 && report.apiServers !== "back") {
      report.apiServers = "back";
      report.apiDowntimeSeconds = Math.round((clock.nowMs() - stoppedAtMs) / 100) / 10;
      log.info(`the API servers are back after ${String(report.apiDowntimeSeconds)} s`);
    }
    if (down.length === 0 && isReconciling(controlPlane, hold.now())) return;
    if (clock.nowMs() >= giveUpMs)
      throw new ActionError(
        "release-failed",
        down.length > 0
          ? `${down.join(", ")} of ${plan.hostedCluster.namespace}/${plan.hostedCluster.name} did not come back`
          : `HyperShift did not resume reconciling ${plan.hostedCluster.namespace}/${plan.hostedCluster.name}`,
        {
          hint: `look at the pods in ${ref.namespace}; to put everything back by hand: ${manualCommands(plan.hostedCluster, original).join(" ; ")}`,
        },
      );
    await clock.sleep(limits.pollMs, signal);
  }
}

/** The pods of each writer that were ready before; others are not waited for. */
export function countReady(plan: BackupPlan): Replicas {
  return Object.fromEntries(
    plan.writers.map(({ name, replicas, readyReplicas }) => [name, Math.min(replicas, readyReplicas)]),
  );
}

function isReconciling(controlPlane: HostedControlPlane | undefined, now: Date): boolean {
  if (controlPlane === undefined || isPausing(controlPlane.pausedUntil, now)) return false;
  const condition = findCondition(controlPlane.conditions, "ReconciliationActive");
  return condition?.status === "True" && condition.observedGeneration === controlPlane.generation;
}

interface WriterState {
  readonly name: WriterName;
  readonly replicas: number;
  readonly generation: number;
  readonly pods: readonly string[];
}

/** A deployment that is gone wants nothing; a pod that has ended does not write. */
async function readWriter(namespace: string, writer: Writer, world: BackupWorld): Promise<WriterState> {
  const { name, matchLabels } = writer;
  const [deployment, pods] = await Promise.all([
    world.cluster.findDeployment({ namespace, name }),
    world.cluster.listPods(namespace, matchLabels),
  ]);
  return {
    name,
    replicas: deployment?.replicas ?? 0,
    generation: deployment?.generation ?? 0,
    pods: pods.filter(({ phase }) => phase !== "Succeeded" && phase !== "Failed").map((pod) => pod.name),
  };
}

function notStopped(problem: string): ActionError {
  return new ActionError("writers-not-stopped", problem, {
    hint: "look at the deployments and pods named; no snapshot was taken, and the API servers are being put back",
  });
}
