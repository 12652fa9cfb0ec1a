import { ActionError, describeError, hasCode } from "../errors.ts";
import type { SavedSnapshot } from "../etcd/snapshot-save.ts";
import type { SnapshotStore } from "../ports.ts";
import { formatSnapshotUri, formatTime, recordKey } from "../snapshot/location.ts";
import { renderRecord, type SnapshotEntry, type SnapshotRecord } from "../snapshot/record.ts";
import { limits } from "../time-limits.ts";
import type { Hold } from "./hold.ts";
import type { BackupPlan } from "./preflight.ts";
import type { Transferred } from "./transfer.ts";
import type { BackupReport, BackupWorld } from "./world.ts";

/**
 * Writes the record beside a snapshot that passed its proof, and reads it back: from then on the snapshot exists. It is
 * one small request that a cancelled run still makes, since a cluster that does not come back needs its snapshot most.
 * A record that is damaged is removed (`proof-failed`), and so is one where somebody took this run for dead and may have
 * removed the snapshot (`hold-lost`): whoever looks for it after the journal was seen to be this run's finds its record.
 */
export async function writeRecord(
  plan: BackupPlan,
  result: { readonly saved: SavedSnapshot; readonly transferred: Transferred },
  hold: Hold,
  report: BackupReport,
  world: BackupWorld,
): Promise<void> {
  await assertNotTaken(hold, world);
  const store = world.store.withSignal(world.clock.timeout(limits.recordMs));
  const key = recordKey(plan.key);
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  const body = renderRecord(describe(plan, result, hold, report, world));
  const { stored, versionId } = await putAndRead(store, key, body, plan.nonce).catch((error: unknown) => {
    if (!hasCode(error, "cancelled")) throw error;
    throw new ActionError("store-unreachable", `the record ${uri} was not written within its time`, {
      hint: "look whether the store answers, and what is between the runner and it",
      cause: error,
    });
  });
  try {
    if (!stored.equals(body))
      throw new ActionError("proof-failed", `the record ${uri}, read back, is not what was written`, {
        hint: "do not trust this store before its operator has found out why",
      });
    await assertNotTaken(hold, world);
  } catch (error) {
    await store.deleteObject(key, versionId === undefined ? {} : { versionId }).catch((failed: unknown) => {
      world.log.warning(
        `the record ${uri}, which says what is not so, stayed (${describeError(failed).code}); remove it`,
      );
    });
    throw error;
  }
  report.recordUri = uri;
}

/** An API server that is away hides nobody who takes a run for dead; `signal` has no say, as for the record itself. */
async function assertNotTaken(hold: Hold, { clock, log }: BackupWorld): Promise<void> {
  try {
    await hold.assertHeld(0, clock.timeout(limits.requestTimeoutMs));
  } catch (error) {
    const { code, message } = describeError(error);
    if (code === "hold-lost") throw error;
    log.debug(`whether the lock is still there could not be seen (${code}: ${message})`);
  }
}

async function putAndRead(
  store: SnapshotStore,
  key: string,
  body: Buffer,
  nonce: string,
): Promise<{ readonly stored: Buffer; readonly versionId: string | undefined }> {
  const { versionId } = await store.putNewObject(key, body, { contentType: "application/json", metadata: { nonce } });
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.readObject(key)) chunks.push(chunk);
  return { stored: Buffer.concat(chunks), versionId };
}

function describe(
  plan: BackupPlan,
  { saved, transferred }: { readonly saved: SavedSnapshot; readonly transferred: Transferred },
  hold: Hold,
  report: BackupReport,
  world: BackupWorld,
): SnapshotRecord {
  const { hostedCluster, member } = plan;
  const { object, digests } = transferred;
  const snapshot: SnapshotEntry = {
    uri: formatSnapshotUri({ bucket: world.store.bucket, key: plan.key }),
    ...present({ versionId: object.versionId, storageVersion: saved.storageVersion }),
    sizeBytes: digests.sizeBytes,
    sha256: digests.sha256,
    revision: saved.revision,
    // etcdctl counts the entries of every bucket, etcdutl 3.6 the live keys; etcdutl before it as etcdctl.
    ...(saved.storageVersion === undefined ? { entries: saved.totalKeys } : { liveKeys: saved.totalKeys }),
    hash: saved.hash,
    etcdVersion: member.version,
    member: { name: member.pod, id: member.id },
    clusterId: member.clusterId,
  };
  return {
    schemaVersion: 1,
    createdAt: formatTime(hold.now()),
    nonce: plan.nonce,
    action: { version: world.version },
    run: world.run,
    hostedCluster: {
      namespace: hostedCluster.namespace,
      name: hostedCluster.name,
      uid: hostedCluster.uid,
      controlPlaneNamespace: plan.controlPlaneNamespace,
      ...present({
        infraID: hostedCluster.infraID,
        clusterID: hostedCluster.clusterID,
        baseDomain: hostedCluster.baseDomain,
        platform: hostedCluster.platform,
        releaseImage: hostedCluster.releaseImage,
        releaseVersion: hostedCluster.releaseVersion,
        availabilityPolicy: hostedCluster.availabilityPolicy,
      }),
      services: hostedCluster.services,
    },
    quiesced: report.pausedAt !== undefined,
    ...present({
      apiDowntimeSeconds: report.apiDowntimeSeconds,
      pausedAt: report.pausedAt,
      resumedAt: report.resumedAt,
    }),
    snapshots: [snapshot],
    members: plan.members.map(({ pod, id, revision }) => ({ name: pod, id, revision })),
    ...present({ issuerURL: hostedCluster.issuerURL, networking: hostedCluster.networking }),
    encryption: plan.encryption,
    proofs: { trailer: digests.trailerMatches, readBack: true },
  };
}

/** `fields` without those that are not known. */
function present<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
