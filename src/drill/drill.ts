import { randomBytes } from "node:crypto";
import { takeKeys } from "../encryption/given-keys.ts";
import { nameKeys } from "../encryption/key.ts";
import { ActionError, hasCode } from "../errors.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import { findStoredSubject, proveWhole, type Proven, type StoredSubject } from "../snapshots/whole-proof.ts";
import { assertDrillAllowed, readFree, readLivingCluster } from "./living-cluster.ts";
import { podName } from "./pod-manifest.ts";
import { removeEnded, tryRemove } from "./pod.ts";
import { showRestored } from "./restored-etcd.ts";
import { readEarlier, renderResult, sumPhases, writeResult } from "./result.ts";
import type { Shown } from "./terms.ts";
import type { DrillReport, DrillRequest, DrillWorld, NamedPod } from "./world.ts";

/**
 * Starts a stored snapshot beside the living cluster, in a pod of its own, and holds what it answers against the stored bytes. It
 * pauses nothing, stops nothing and takes no hold. Throws the first failure; the pod is removed in every case.
 */
export async function drill(request: DrillRequest, world: DrillWorld, report: DrillReport): Promise<void> {
  const { log, cluster, store } = world;
  const living = await log.group("Hosted cluster: see what it runs, change nothing", async () => {
    await assertDrillAllowed(cluster, request.hostedCluster, request.namespace);
    const found = await readLivingCluster(cluster, request.hostedCluster);
    report.image = found.etcdImage;
    log.info(`etcd is ${found.etcdImage}; its release restores ${found.script}`);
    return found;
  });
  const proven = await prove(request, world, report);
  const { known } = proven.subject;
  report.earlier = await readEarlier(world, known.snapshot);
  const other: RestoreScript = living.script === "plain" ? "bumped" : "plain";
  const scripts = request.scripts === "both" ? [other, living.script] : [living.script];
  report.scripts = scripts;
  const pod: NamedPod = { namespace: request.namespace, name: podName, nonce: randomBytes(16).toString("hex") };
  let shown: Shown;
  await log.group("Pod: see that no other drill is there", async () => {
    await removeEnded(world, pod);
    await readFree(cluster, request.hostedCluster);
  });
  world.remember(pod);
  report.podGone = false;
  const timeout = world.clock.timeout(request.timeoutMs);
  try {
    shown = await inTime(world.signal, timeout, request, (signal) =>
      showRestored(
        { ...world, cluster: cluster.withSignal(signal), signal },
        { request, living, proven, pod, scripts },
        report,
      ),
    );
  } finally {
    report.podGone = await tryRemove(world, pod);
  }
  await log.group("Result: write it beside the record", async () => {
    const drilledAt = await cluster.readServerTime();
    const rtoSeconds = sumPhases(report.phases);
    const record = renderResult({ request, living, proven, scripts }, shown, {
      ...{ drilledAt, rtoSeconds, phases: report.phases, run: world.run, version: world.version },
    });
    const drillUri = await writeResult(store, known.snapshot, { record, drilledAt, nonce: pod.nonce });
    Object.assign(report, { rtoSeconds, drillUri });
    log.info(`a restore of the data takes ${rtoSeconds.toFixed(1)} s; ${drillUri}`);
  });
}

function prove(request: DrillRequest, world: DrillWorld, report: DrillReport): Promise<Proven<StoredSubject>> {
  const { store, log, openSpool, signal } = world;
  const asked = { ...request, allowUnrecorded: false, log, reading: { openSpool, signal } };
  const terms = {
    ...request,
    givenKeys: nameKeys(request.encryptionKeys),
    takeKeys: async (sealed: StoredSubject["sealed"]) =>
      nameKeys((await takeKeys(request, sealed, world)).encryptionKeys),
  };
  return proveWhole(() => findStoredSubject(request.snapshot, store, asked), terms, { ...world, report });
}

/** Throws `drill-timeout` where `timeout` ended the work. */
async function inTime<T>(
  signal: AbortSignal,
  timeout: AbortSignal,
  { timeoutMs, namespace }: Pick<DrillRequest, "timeoutMs" | "namespace">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await work(AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!timeout.aborted || signal.aborted || !hasCode(error, "cancelled")) throw error;
    throw new ActionError("drill-timeout", `the drill was not done after ${String(timeoutMs / 1000)} s`, {
      hint: `look at the phases in the summary, and at pods in ${namespace}; raise drill-timeout for a large snapshot`,
      cause: error,
    });
  }
}
