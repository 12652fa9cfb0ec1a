import { describeError } from "../errors.ts";
import type { SnapshotStore } from "../ports.ts";
import { formatTime, parseTime } from "../time.ts";
import { findUncounted, isNamedAfter, type RecordedRun } from "./counting.ts";
import { clusterFolder, formatSnapshotUri, type ClusterPath } from "./location.ts";
import { isOfOneObject, readRecordText } from "./recorded-snapshot.ts";
import { parseRecord } from "./record.ts";
import { groupByRun, type StoredRun } from "./stored-runs.ts";

/** A run that does not count, and why, in words. */
export interface PassedOver {
  readonly run: StoredRun;
  readonly reason: string;
}

/** What the folder of a cluster holds; lists are in the order of time, the newest first. */
export interface Catalogue {
  /** `s3://<bucket>/<folder>`. */
  readonly uri: string;
  /** What counts: recorded, proven, of this cluster by its name, all objects there, and not ahead of the store's clock. */
  readonly proven: readonly RecordedRun[];
  /** They would count, but snapshots of theirs are gone. They stand among those that are passed over, too. */
  readonly bereft: readonly RecordedRun[];
  readonly passedOver: readonly PassedOver[];
  /** Each cluster id that records name, with the newest run of it. */
  readonly clusterIds: ReadonlyMap<string, string>;
  /** Objects whose name no run gives. */
  readonly foreignObjects: number;
  /** By the store's clock. */
  readonly readAt: Date;
}

type CatalogueStore = Pick<SnapshotStore, "bucket" | "now" | "listObjects" | "readObject">;

/** Below the sockets of the client; a store that is 50 ms away gives 365 records in about a second. */
const readsAtOnce = 24;

/**
 * Reads the folder of a cluster: one listing, and each record once. A record that cannot be read is passed over; a store that
 * does not answer, or does not give the whole listing, is thrown.
 */
export async function readCatalogue(store: CatalogueStore, cluster: ClusterPath): Promise<Catalogue> {
  const folder = clusterFolder(cluster);
  const objects = await store.listObjects(folder);
  const runs = groupByRun(folder, objects);
  const known = await inTurn(runs, readsAtOnce, (run) => readRun(store, run));
  const readAt = store.now();
  const judged = known.map((each) => {
    if ("reason" in each) return each;
    return { ...each, uncounted: findUncounted(each, { cluster, bucket: store.bucket, folder, now: readAt }) };
  });
  const recorded = judged.flatMap((each) => ("reason" in each ? [] : [each]));
  const byTime = recorded.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  return {
    uri: formatSnapshotUri({ bucket: store.bucket, key: folder }),
    proven: byTime.filter(({ uncounted }) => uncounted === undefined),
    bereft: byTime.filter(({ uncounted }) => uncounted?.isBereft === true),
    passedOver: judged.flatMap((each): readonly PassedOver[] => {
      if ("reason" in each) return [each];
      return each.uncounted === undefined ? [] : [{ run: each.run, reason: each.uncounted.reason }];
    }),
    clusterIds: new Map(
      byTime
        .filter(({ record }) => isNamedAfter(record, cluster))
        .toReversed()
        .flatMap(({ record, run }) => {
          const { clusterID } = record.hostedCluster;
          return clusterID === undefined ? [] : [[clusterID, run.name] as const];
        }),
    ),
    foreignObjects: objects.length - runs.reduce((sum, run) => sum + countObjects(run), 0),
    readAt,
  };
}

/** The run as its name and time tell it, for a reader. */
export function nameRun({ name, acquired }: StoredRun): string {
  return `${name} (${formatTime(acquired)})`;
}

async function readRun(store: CatalogueStore, run: StoredRun): Promise<RecordedRun | PassedOver> {
  if (run.record === undefined) {
    const reason =
      run.snapshots.length > 0
        ? "it has no record, so nothing says that it is whole"
        : "neither a snapshot nor a record of it is there";
    return { run, reason };
  }
  const uri = formatSnapshotUri({ bucket: store.bucket, key: run.recordKey });
  try {
    const text = await readRecordText(store, { ...run.record, uri });
    const record = parseRecord(text, uri);
    const createdAt = parseTime(record.createdAt);
    return createdAt === undefined ? { run, reason: `the record ${uri} has no time` } : { run, record, createdAt };
  } catch (error) {
    if (!isOfOneObject(error)) throw error;
    return { run, reason: describeError(error).message };
  }
}

function countObjects({ record, snapshots, companions, pinned }: StoredRun): number {
  return Number(record !== undefined) + snapshots.length + companions.length + Number(pinned);
}

/** The results of `work` for all `items`, in their order, so many at once. The first that throws ends it. */
async function inTurn<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  const left = items.entries().toArray();
  const take = async (): Promise<void> => {
    for (let entry = left.shift(); entry !== undefined; entry = left.shift()) {
      const [index, item] = entry;
      try {
        results[index] = await work(item);
      } catch (error) {
        left.length = 0;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, take));
  return results;
}
