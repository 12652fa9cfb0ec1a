import { describeError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Clock, Log, SnapshotStore } from "../ports.ts";
import { readCatalogue, type Catalogue } from "../snapshots/catalogue.ts";
import { describeHistory, findPreviousAgeMs } from "../snapshots/history.ts";
import { renderPassedOver } from "../snapshots/latest.ts";
import { runNameOf, type SnapshotRun } from "../snapshots/location.ts";
import { limits } from "../time-limits.ts";
import type { Note } from "./world.ts";

/** The parts of the world that work in the store needs which never makes a backup red. */
export interface AfterRecordWorld {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The backup that looks: its run, and its cluster. */
export interface OwnRun {
  readonly run: SnapshotRun;
  readonly hostedCluster: Pick<HostedCluster, "clusterID">;
}

/** Lines of the log; the summary and a look at the folder tell all. */
const mostTold = 10;

/**
 * Looks at the recorded backups of the cluster, this one among them, and notes how they went. Undefined where they cannot
 * be read, which is a warning.
 */
export async function lookBack(
  world: AfterRecordWorld,
  { plan, note }: { readonly plan: OwnRun; readonly note: Note },
): Promise<Catalogue | undefined> {
  const catalogue = await tryCatalogue(world, plan);
  if (catalogue === undefined) return undefined;
  const { log } = world;
  const own = { runName: runNameOf(plan.run), clusterID: plan.hostedCluster.clusterID };
  const history = describeHistory(catalogue, own);
  const previousAgeMs = findPreviousAgeMs(catalogue, own);
  note({ history, ...(previousAgeMs === undefined ? {} : { previousAgeSeconds: Math.floor(previousAgeMs / 1000) }) });
  const { passedOver, proven, uri } = catalogue;
  log.info(`proven backups in ${uri}: ${String(proven.length)}; runs that do not count: ${String(passedOver.length)}`);
  for (const each of passedOver.slice(0, mostTold)) log.info(renderPassedOver(each));
  for (const warning of history.warnings) log.warning(warning);
  return catalogue;
}

/** The catalogue of the cluster's folder; undefined, and a warning, where it cannot be read. */
export function tryCatalogue(world: AfterRecordWorld, { run }: Pick<OwnRun, "run">): Promise<Catalogue | undefined> {
  const consequence = "the earlier backups of this cluster are not told, and retention removes nothing";
  return tryWithin(world, { ms: limits.catalogueMs, consequence }, (store) => readCatalogue(store, run));
}

/** The result of `work`; undefined, and a warning, where it fails or does not end in time. Throws what ended the run. */
export async function tryWithin<T>(
  { store, clock, log, signal }: AfterRecordWorld,
  { ms, consequence }: { readonly ms: number; readonly consequence: string },
  work: (store: SnapshotStore) => Promise<T>,
): Promise<T | undefined> {
  const inTime = clock.timeout(ms);
  try {
    return await work(store.withSignal(AbortSignal.any([signal, inTime])));
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = describeError(error);
    const why = inTime.aborted ? `the store did not answer within ${String(ms / 1000)} s` : `${code}: ${message}`;
    log.warning(`${consequence} (${why})`);
    return undefined;
  }
}
