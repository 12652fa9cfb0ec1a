import { ActionError } from "../errors.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import type { DrillPhase } from "../snapshots/drill-record.ts";
import { hashesAsFile } from "../pod/hash-kv.ts";
import { signSnapshotUrl } from "../snapshots/tried-url.ts";
import { limits } from "../time-limits.ts";
import { serviceNetworksOf } from "./api-server.ts";
import { runInPod, waitForAnswers, type CourseWorld } from "./course.ts";
import { createDelivery, deliverCommand, renderInput } from "./delivery.ts";
import { nextCommand } from "./entry-script.ts";
import { readFree } from "./living-cluster.ts";
import { podName, renderPod } from "./pod-manifest.ts";
import { makePod, waitForStart } from "./pod.ts";
import { roundSeconds } from "./result.ts";
import { compareEtcd, findUnreadable, readableResources, readThroughApiServer } from "./shown.ts";
import type { Shown, Terms } from "./terms.ts";
import type { DrillReport, DrillWorld, NamedPod } from "./world.ts";

/** Makes the pod, has it restore the snapshot in each way that is asked for, and sees what etcd and an API server on it answer. */
export async function showRestored(
  world: DrillWorld,
  { request, living, proven, pod, scripts }: Terms & { readonly pod: NamedPod },
  report: DrillReport,
): Promise<Shown> {
  const { log, clock, cluster } = world;
  const { subject, keys, snapshot } = proven;
  const measure = async <T>(name: DrillPhase["name"], script: RestoreScript | undefined, work: () => Promise<T>) => {
    const beganMs = clock.nowMs();
    const result = await work();
    addPhase(report, { name, seconds: (clock.nowMs() - beganMs) / 1000, ...(script === undefined ? {} : { script }) });
    return result;
  };
  const course: CourseWorld = {
    ...world,
    watch: async () => {
      await readFree(cluster, request.hostedCluster);
    },
    told: { steps: 0 },
  };
  await log.group(`Pod: start ${podName} in ${pod.namespace}`, () =>
    measure("pod started", undefined, async () => {
      const {
        sizeBytes: snapshotBytes,
        versionId,
        snapshot: { key },
      } = subject.known;
      const deadline = new Date((await cluster.readServerTime()).getTime() + request.timeoutMs);
      const terms = { namespace: pod.namespace, nonce: pod.nonce, deadline, timeoutMs: request.timeoutMs };
      await makePod(course, renderPod(living, { ...terms, snapshotBytes, scripts }));
      await waitForStart(course, pod);
      const stored = { key, sizeBytes: snapshotBytes, ...(versionId === undefined ? {} : { versionId }) };
      const signed = await signSnapshotUrl(world, stored, Math.ceil(request.timeoutMs / 1000));
      const delivery = createDelivery({
        url: signed.presignedUrl,
        keys: keys.map(({ bytes }) => bytes),
        resources: readableResources(snapshot.encrypted),
      });
      for (const secret of delivery.secrets) world.onSecret(secret);
      const input = [renderInput(delivery)];
      await runInPod(course, pod, { argv: deliverCommand(), timeoutMs: limits.execTimeoutMs, input });
    }),
  );
  let last: Awaited<ReturnType<typeof compareEtcd>> | undefined;
  for (const script of scripts)
    last = await log.group(`Restore: ${script}, and compare what etcd answers`, async () => {
      const first = last === undefined;
      const times = await waitForAnswers(course, pod, script);
      if (first) addPhase(report, { name: "fetched", seconds: times.fetched });
      addPhase(report, { name: "restored", script, seconds: times.restored });
      addPhase(report, { name: "etcd answers", script, seconds: times.answers });
      const found = await measure("prediction met", script, () =>
        compareEtcd(course, pod, { snapshot, script, controlPlane: living.controlPlane }),
      );
      log.info(
        `etcd ${found.version} has the predicted revision${hashesAsFile(found.version) ? ", HashKV" : ""} and ids, and ${String(found.keyspace.keys)} keys`,
      );
      // The last one stays, for the API server.
      if (script !== scripts.at(-1))
        await runInPod(course, pod, { argv: nextCommand(script), timeoutMs: limits.execTimeoutMs });
      return found;
    });
  if (last === undefined) throw new ActionError("internal", "a drill without a way to restore");
  const { version: etcdVersion, keyspace } = last;
  const secrets = await log.group("API server: have it read what is encrypted", async () => {
    const unreadable = findUnreadable(snapshot.encrypted, keys.length);
    const serviceNetworks = serviceNetworksOf(subject.recorded?.record.networking);
    const result =
      unreadable === undefined
        ? await measure("Secret served", undefined, () =>
            readThroughApiServer(course, pod, { keyspace, serviceNetworks }),
          )
        : { shown: false as const, reason: unreadable };
    if (result.shown)
      log.info(`it lists ${String(result.namespaces)} namespaces, and read ${String(result.read)} objects`);
    else log.warning(`not shown by an API server: ${result.reason}`);
    return result;
  });
  if (!secrets.shown) report.phases = report.phases.filter(({ name }) => name !== "Secret served");
  report.secrets = secrets;
  return { etcdVersion, liveKeys: keyspace.keys, secrets };
}

function addPhase(report: DrillReport, { seconds, ...phase }: DrillPhase): void {
  report.phases = [...report.phases, { ...phase, seconds: roundSeconds(seconds) }];
}
