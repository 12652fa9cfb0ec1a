import { describeError, hasCode } from "../errors.ts";
import type { Log, SnapshotStore } from "../ports.ts";
import { formatTime } from "../time.ts";
import {
  drillKey,
  readDrills,
  renderDrillRecord,
  type DrillPhase,
  type DrillRecord,
} from "../snapshots/drill-record.ts";
import { formatSnapshotUri, recordKeyOf, type SnapshotUri } from "../snapshots/location.ts";
import { limits } from "../time-limits.ts";
import type { Shown, Terms } from "./terms.ts";
import type { DrillWorld } from "./world.ts";

/** The time of a restore of the data, in whole milliseconds: what was done once, and with the last of the scripts. */
export function sumPhases(phases: readonly DrillPhase[]): number {
  const last = phases.findLast(({ script }) => script !== undefined)?.script;
  const counted = phases.filter(({ script }) => script === undefined || script === last);
  return roundSeconds(counted.reduce((sum, { seconds }) => sum + seconds, 0));
}

export function roundSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

/** Writes the result beside the record, once; returns its address. Throws what the store throws. */
export async function writeResult(
  store: Pick<SnapshotStore, "putNewObject">,
  snapshot: SnapshotUri,
  { record, drilledAt, nonce }: { readonly record: DrillRecord; readonly drilledAt: Date; readonly nonce: string },
): Promise<string> {
  const key = drillKey(recordKeyOf(snapshot.key), drilledAt);
  const uri = formatSnapshotUri({ bucket: snapshot.bucket, key });
  await store.putNewObject(key, renderDrillRecord(record), { contentType: "application/json", metadata: { nonce } });
  return uri;
}

/** The results of earlier drills of the cluster; none, with a warning, where they cannot be read. */
export async function readEarlier(
  { store, log }: { readonly store: Pick<SnapshotStore, "listObjects" | "readObject">; readonly log: Log },
  { key }: SnapshotUri,
): Promise<readonly DrillRecord[]> {
  try {
    const objects = await store.listObjects(key.slice(0, key.lastIndexOf("/") + 1));
    return await readDrills(
      store,
      objects.map((object) => object.key),
      limits.drillsShown,
    );
  } catch (error) {
    if (hasCode(error, "cancelled")) throw error;
    const { code, message } = describeError(error);
    log.warning(`earlier drills could not be read (${code}: ${message})`);
    return [];
  }
}

/** The result of a drill that has shown all this. */
export function renderResult(
  { request, living, proven, scripts }: Terms,
  shown: Shown,
  given: {
    readonly drilledAt: Date;
    readonly rtoSeconds: number;
    readonly phases: readonly DrillPhase[];
    readonly run: DrillWorld["run"];
    readonly version: string;
  },
): DrillRecord {
  const { sizeBytes, sha256, revision } = proven.snapshot;
  const { uri, known } = proven.subject;
  const { repository, workflow, runId, runAttempt, url } = given.run;
  return {
    schemaVersion: 1,
    drilledAt: formatTime(given.drilledAt),
    action: { version: given.version },
    run: { repository, workflow, runId, runAttempt, url },
    hostedCluster: request.hostedCluster,
    ...(living.releaseVersion === undefined ? {} : { releaseVersion: living.releaseVersion }),
    snapshot: {
      ...{ uri, sizeBytes, sha256, revision },
      ...(known.versionId === undefined ? {} : { versionId: known.versionId }),
    },
    etcd: { image: living.etcdImage, version: shown.etcdVersion },
    scripts,
    liveKeys: shown.liveKeys,
    secrets: shown.secrets,
    phases: given.phases,
    rtoSeconds: given.rtoSeconds,
  };
}
