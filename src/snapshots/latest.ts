import { ActionError } from "../errors.ts";
import type { Log, SnapshotStore } from "../ports.ts";
import { quote } from "../shown-text.ts";
import { renderHours } from "./age.ts";
import { nameRun, readCatalogue, type Catalogue, type PassedOver } from "./catalogue.ts";
import { listUnknown, newestEntry, type RecordedRun } from "./counting.ts";
import { formatSnapshotUri, parseSnapshotUri, type ClusterPath, type SnapshotUri } from "./location.ts";

/** The newest proven snapshot of a cluster, in place of an address. */
export interface LatestOf {
  readonly latestOf: ClusterPath;
}

/** The address that was asked for, for a reader. */
export function describeWanted(wanted: SnapshotUri | LatestOf): string {
  if (!("latestOf" in wanted)) return formatSnapshotUri(wanted);
  const { namespace, name } = wanted.latestOf;
  return `latest of ${namespace}/${name}`;
}

/** The parts of the store that `latest` needs. */
export type LatestStore = Pick<SnapshotStore, "bucket" | "now" | "listObjects" | "readObject">;

const mostShown = 10;

/**
 * The address that is asked for: the given one, or that of the newest proven snapshot of a cluster, which the store is asked
 * for then. What is passed over on the way to it is told. Throws `snapshot-missing` where no snapshot counts, `clusters-mixed`
 * for a folder of two clusters, `snapshot-stale` for one that is older than `maxAgeMs`.
 */
export async function resolveSnapshot(
  wanted: SnapshotUri | LatestOf,
  store: LatestStore,
  { log, maxAgeMs }: { readonly log: Log; readonly maxAgeMs?: number },
): Promise<SnapshotUri> {
  if (!("latestOf" in wanted)) return wanted;
  const catalogue = await readCatalogue(store, wanted.latestOf);
  refuseMixed(catalogue);
  const [newest] = catalogue.proven;
  const entry = newest && newestEntry(newest.record);
  if (newest === undefined || entry === undefined) throw missing(catalogue);
  refuseStale(catalogue, newest, maxAgeMs);
  for (const passedOver of listSince(catalogue, newest)) log.warning(renderPassedOver(passedOver));
  const unknown = listUnknown(newest.record);
  log.info(
    `latest is ${entry.uri}, made at ${newest.record.createdAt}, ${renderHours(ageOf(catalogue, newest))} ago; ` +
      `the newest of ${String(catalogue.proven.length)} proven` +
      (unknown.length > 0 ? `; not known of it: ${unknown.join(", ")}` : ""),
  );
  return parseSnapshotUri(entry.uri);
}

/** Throws `clusters-mixed` where the records of one folder name two clusters: one name, one after the other. */
export function refuseMixed({ clusterIds, uri }: Catalogue): void {
  if (clusterIds.size < 2) return;
  const each = [...clusterIds].map(([id, run]) => `${quote(id)} (newest: ${run})`).join(" and ");
  throw new ActionError(
    "clusters-mixed",
    `${uri} holds snapshots of ${String(clusterIds.size)} clusters of one name: ${each}`,
    {
      hint: "name the snapshot by its address; and give the cluster that lives now an s3-prefix of its own, or remove the snapshots of the other one: moved, they would not fit their records",
    },
  );
}

/** The runs that are newer than the newest one that counts, and do not count. */
export function listSince({ passedOver }: Catalogue, { run }: RecordedRun): readonly PassedOver[] {
  return passedOver.filter((each) => each.run.acquired > run.acquired);
}

export function renderPassedOver({ run, reason }: PassedOver): string {
  return `${nameRun(run)} does not count: ${reason}`;
}

function refuseStale(catalogue: Catalogue, newest: RecordedRun, maxAgeMs: number | undefined): void {
  const ageMs = ageOf(catalogue, newest);
  if (maxAgeMs === undefined || ageMs <= maxAgeMs) return;
  const since = listSince(catalogue, newest);
  throw new ActionError(
    "snapshot-stale",
    `the newest proven snapshot of ${catalogue.uri} was made at ${newest.record.createdAt}, ${renderHours(ageMs)} ago, longer than max-age; ` +
      (since.length === 0 ? "no run has left anything there since" : `since then:${renderList(since)}`),
    {
      hint: "find out why the backups fail, or whether their schedule still runs; GitHub switches off schedules of a repository without activity",
    },
  );
}

function missing({ uri, passedOver, foreignObjects }: Catalogue): ActionError {
  const others =
    foreignObjects === 0 ? "" : `; ${String(foreignObjects)} objects there have a name that no backup gives`;
  const ownFolder = /\/([^/]+\/[^/]+)\/\1\/$/.exec(uri)?.[1];
  return new ActionError(
    "snapshot-missing",
    `there is no proven snapshot in ${uri}${others}${passedOver.length === 0 ? "" : `:${renderList(passedOver)}`}`,
    {
      hint:
        ownFolder === undefined
          ? "look at s3-bucket, s3-prefix, hosted-cluster and hosted-cluster-namespace, or name a snapshot by its address"
          : `s3-prefix ends with the cluster's own folder, which follows it by itself: leave ${ownFolder} out`,
    },
  );
}

function renderList(each: readonly PassedOver[]): string {
  const more = each.length > mostShown ? [`and ${String(each.length - mostShown)} more`] : [];
  return [...each.slice(0, mostShown).map(renderPassedOver), ...more].map((line) => `\n- ${line}`).join("");
}

function ageOf({ readAt }: Catalogue, { createdAt }: RecordedRun): number {
  return Math.max(0, readAt.getTime() - createdAt.getTime());
}
