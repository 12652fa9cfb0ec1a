import { aheadMaxMs } from "./age.ts";
import { quote } from "../shown-text.ts";
import { findRunObject, type ClusterPath } from "./location.ts";
import type { SnapshotEntry, SnapshotRecord } from "./record.ts";
import type { StoredRun } from "./stored-runs.ts";

/** A run and what its record says. */
export interface RecordedRun {
  readonly run: StoredRun;
  readonly record: SnapshotRecord;
  readonly createdAt: Date;
}

/** Why a recorded run does not count. */
export interface Uncounted {
  /** In words. */
  readonly reason: string;
  /** True where nothing else is wrong than that snapshots of it are gone. */
  readonly isBereft: boolean;
}

interface Place {
  readonly cluster: ClusterPath;
  readonly bucket: string;
  readonly folder: string;
  /** By the store's clock. */
  readonly now: Date;
}

/** Judges whether a run counts for `latest`, `max-age` and retention; undefined: it does. The store is not asked. */
export function findUncounted({ run, record, createdAt }: RecordedRun, place: Place): Uncounted | undefined {
  const wrong = (reason: string): Uncounted => ({ reason, isBereft: false });
  if (!isNamedAfter(record, place.cluster))
    return wrong(
      `its record is of another hosted cluster, ${quote(`${record.hostedCluster.namespace}/${record.hostedCluster.name}`)}`,
    );
  if (!record.nonce.startsWith(run.nonce8)) return wrong("its record is of another run");
  if (record.snapshots.some(({ uri }) => !isOf(uri, run.name, place)))
    return wrong("its record is about snapshots elsewhere: it was copied");
  const unproven = listUnproven(record);
  if (unproven !== undefined) return wrong(unproven);
  // It would hide all that follows.
  if (Math.max(createdAt.getTime(), run.acquired.getTime()) > place.now.getTime() + aheadMaxMs)
    return wrong("its time is more than an hour ahead of the store's clock");
  return findMissing({ run, record, createdAt }, place.bucket);
}

/** True for the record of a hosted cluster of this namespace and name. */
export function isNamedAfter({ hostedCluster }: SnapshotRecord, { namespace, name }: ClusterPath): boolean {
  return hostedCluster.namespace === namespace && hostedCluster.name === name;
}

/** The proofs that a record does not know, by their names. */
export function listUnknown({ proofs }: SnapshotRecord): readonly string[] {
  return (["membersAgree", "keysProven"] as const).filter((proof) => proofs[proof] === undefined);
}

/** The snapshot of the highest revision. */
export function newestEntry({ snapshots }: SnapshotRecord): SnapshotEntry | undefined {
  return snapshots.toSorted((a, b) => b.revision - a.revision)[0];
}

function listUnproven({ proofs }: SnapshotRecord): string | undefined {
  const needed = (["trailer", "readBack", "structure"] as const).filter((proof) => proofs[proof] !== true);
  const failed = (["membersAgree", "keysProven"] as const).filter((proof) => proofs[proof] === false);
  const names = [...needed, ...failed];
  return names.length === 0 ? undefined : `its record does not say that it is proven (${names.join(", ")})`;
}

function isOf(uri: string, runName: string, { bucket, folder }: Place): boolean {
  const prefix = `s3://${bucket}/`;
  const found = uri.startsWith(prefix) ? findRunObject(folder, uri.slice(prefix.length)) : undefined;
  return found?.runName === runName && found.kind === "snapshot";
}

function findMissing({ run, record }: RecordedRun, bucket: string): Uncounted | undefined {
  const listed = new Map(run.snapshots.map((object) => [object.key, object]));
  const entries = record.snapshots.map(({ uri, sizeBytes }) => ({
    key: uri.slice(`s3://${bucket}/`.length),
    sizeBytes,
  }));
  const gone = entries.filter(({ key }) => !listed.has(key));
  if (gone.length > 0) {
    const which = gone.length === entries.length ? "its snapshot is" : `${String(gone.length)} of its snapshots are`;
    return { reason: `${which} gone, and its record is there`, isBereft: true };
  }
  const changed = entries.find(({ key, sizeBytes }) => (listed.get(key)?.sizeBytes ?? sizeBytes) !== sizeBytes);
  return changed && { reason: "its snapshot has another size than its record says", isBereft: false };
}
