import { ActionError, hasCode } from "../errors.ts";
import {
  controlPlaneNamespace,
  isReconciling,
  type HostedControlPlane,
  type WriterName,
} from "../hypershift/hosted-cluster.ts";
import { isPausing } from "../hypershift/pause.ts";
import type { Clock, Log, ManagementCluster, ObjectRef } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { mayBeDown, typeToPutBack } from "./commands.ts";
import { findJournal, writerEntries, type Journal, type Replicas } from "./journal.ts";
import type { Writer } from "./terms.ts";

/** The parts of the world that waiting for the writers needs. */
export interface ReturnWorld {
  readonly cluster: ManagementCluster;
  readonly clock: Clock;
}

/** The pods of each writer that were ready before; others are not waited for. */
export function countReady(writers: readonly Writer[]): Replicas {
  return Object.fromEntries(
    writers.map(({ name, replicas, readyReplicas }) => [name, Math.min(replicas, readyReplicas)]),
  );
}

/**
 * Waits until the writers have as many ready pods as `before`, and where `resumedAt` is given, until HyperShift reconciles
 * again at that time; or until `until` aborts. Tells `onLook` the writers that are down. Returns what is not as it was.
 */
export async function waitForWriters(
  { cluster, clock }: ReturnWorld,
  ref: ObjectRef,
  options: {
    readonly before: Replicas;
    readonly until: AbortSignal;
    readonly resumedAt?: () => Date;
    readonly onLook?: (down: readonly WriterName[]) => void;
  },
): Promise<{ readonly down: readonly WriterName[]; readonly isReconciling: boolean }> {
  const { before, until, resumedAt, onLook } = options;
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const all = writerEntries(before).map(([name]) => name);
  let down: readonly WriterName[] = all;
  let isResumed = resumedAt === undefined;
  for (;;) {
    try {
      // Those that are back already are asked again when all are; HyperShift then as well, so that one look says it all.
      const isWhole = down.length === 0 || down.length === all.length;
      const looked = isWhole ? before : Object.fromEntries(down.map((name) => [name, before[name]]));
      const [found, controlPlane] = await Promise.all([
        findDownWriters(cluster, namespace, looked),
        isResumed && !isWhole ? undefined : resumedAt && cluster.findHostedControlPlane({ namespace, name: ref.name }),
      ]);
      if (resumedAt !== undefined && (!isResumed || isWhole)) isResumed = isActive(controlPlane, resumedAt());
      down = found;
      if (down.length === 0 && !isWhole) continue;
      onLook?.(down);
      if (down.length === 0 && isResumed) return { down, isReconciling: isResumed };
    } catch (error) {
      // While the API server is away, things are as they were; some proxies refuse at once what they cannot pass on.
      if (!until.aborted && !hasCode(error, "cluster-unreachable")) throw error;
    }
    await clock.sleep(limits.patientPollMs, until).catch((error: unknown) => {
      if (!until.aborted) throw error;
    });
    if (until.aborted) return { down, isReconciling: isResumed };
  }
}

/**
 * After a release: waits until HyperShift reconciles again, unless somebody else has paused it since, and each writer has its
 * pods back. Throws `release-failed` with what is down and what to type, and `cancelled`.
 */
export async function confirmRelease(
  world: ReturnWorld & { readonly log: Log; readonly signal: AbortSignal },
  { ref, original }: { readonly ref: ObjectRef; readonly original: Journal["original"] },
  options: {
    readonly before: Replicas;
    readonly now: () => Date;
    readonly onLook: (down: readonly WriterName[]) => void;
  },
): Promise<void> {
  const { before, now, onLook } = options;
  const until = AbortSignal.any([world.signal, world.clock.timeout(limits.writersReadyMs)]);
  const { down, isReconciling: isResumed } = await waitForWriters(world, ref, {
    before,
    until,
    resumedAt: now,
    onLook,
  });
  world.signal.throwIfAborted();
  if (down.length > 0) throw notBack(ref, original, down);
  if (isResumed) return;
  const { pausedUntil } = (await world.cluster.findHostedCluster(ref)) ?? {};
  if (isPausing(pausedUntil, now())) {
    world.log.info(`${ref.namespace}/${ref.name} was paused by somebody else since its release; that is left to them`);
    return;
  }
  throw new ActionError("release-failed", `HyperShift did not resume reconciling ${ref.namespace}/${ref.name}`, {
    hint: `look at the pods in ${controlPlaneNamespace(ref.namespace, ref.name)}; to put everything back by hand:${typeToPutBack(ref, original)}`,
  });
}

/**
 * After a run that died was put back: waits until its API servers are ready as `before`. False where somebody else decides about them now,
 * and nothing is known of them. Throws `release-failed`.
 */
export async function confirmBack(
  world: ReturnWorld & { readonly log: Log },
  {
    ref,
    original,
    before,
  }: { readonly ref: ObjectRef; readonly original: Journal["original"]; readonly before: Replicas },
  limitMs: number,
): Promise<boolean> {
  const others = await findOthers(world, ref);
  if (others !== undefined) {
    world.log.info(others);
    return false;
  }
  const until = world.clock.timeout(limitMs);
  const { down } = await waitForWriters(world, ref, { before, until });
  // Somebody who stopped them while they were waited for is found at the end.
  const after = down.length === 0 ? "the API servers are back" : await findOthers(world, ref);
  if (after === undefined) throw notBack(ref, original, down);
  world.log.info(after);
  return down.length === 0;
}

/** Why the API servers are nothing to wait for, in words: somebody else decides about them now. */
async function findOthers({ cluster }: ReturnWorld, ref: ObjectRef): Promise<string | undefined> {
  const name = `${ref.namespace}/${ref.name}`;
  const hostedCluster = await cluster.findHostedCluster(ref);
  if (hostedCluster === undefined || hostedCluster.deleting)
    return `${name} was deleted meanwhile; its API servers are not waited for`;
  const journal = findJournal(hostedCluster, hostedCluster.answeredAt);
  if (journal !== undefined && mayBeDown(journal))
    return `${name} is held by another run now, which brings its API servers back itself`;
  return undefined;
}

/** The writers that have fewer ready pods than before, by their names; all of what is wanted of them now is enough. */
export async function findDownWriters(
  cluster: ManagementCluster,
  namespace: string,
  before: Replicas,
): Promise<readonly WriterName[]> {
  const found = await Promise.all(
    writerEntries(before).map(async ([name, ready]): Promise<readonly WriterName[]> => {
      const deployment = await cluster.findDeployment({ namespace, name });
      // HyperShift sets 1 or 3 whatever was there before, and may do so while this waits.
      const wanted = deployment?.replicas ?? 0;
      const current = deployment !== undefined && deployment.observedGeneration >= deployment.generation;
      return current && wanted > 0 && deployment.readyReplicas >= Math.min(ready, wanted) ? [] : [name];
    }),
  );
  return found.flat();
}

function isActive(controlPlane: HostedControlPlane | undefined, now: Date): boolean {
  return controlPlane !== undefined && !isPausing(controlPlane.pausedUntil, now) && isReconciling(controlPlane);
}

function notBack(ref: ObjectRef, original: Journal["original"], down: readonly WriterName[]): ActionError {
  const replicas = Object.fromEntries(writerEntries(original.replicas).filter(([name]) => down.includes(name)));
  return new ActionError("release-failed", `${down.join(", ")} of ${ref.namespace}/${ref.name} did not come back`, {
    hint: `look at the pods in ${controlPlaneNamespace(ref.namespace, ref.name)}; to put everything back by hand:${typeToPutBack(ref, { ...original, replicas })}`,
  });
}
