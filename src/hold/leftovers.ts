import { describeError, type ActionError, type ErrorCode } from "../errors.ts";
import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import { etcdLabels } from "../hypershift/workload.ts";
import { persist } from "../persist.ts";
import { findLeftFiles, removeFiles } from "../pod/leftovers.ts";
import type { ObjectRef, SnapshotStore } from "../ports.ts";
import { listRuns } from "../snapshots/stored-runs.ts";
import { clusterFolder, findSnapshotRun, formatSnapshotUri, snapshotKeys } from "../snapshots/location.ts";
import { abortUploads, removeAbandoned } from "../snapshots/removal.ts";
import { longestLockMs, type Journal } from "./journal.ts";
import type { EndWorld } from "./own-run.ts";

/** `patient`: what is away is waited for. */
type LeftoverWorld = EndWorld & { readonly patient: boolean };

/** Runs we know. Leftovers of other runs count only when they are older than the longest lock. */
interface KnownRuns {
  /** Alive: nothing of it is touched. */
  readonly alive?: Journal;
  /** Dead: its files and uploads are leftovers, however young. */
  readonly dead?: Journal;
  /** By the API server's clock. */
  readonly now: Date;
}

/** The outcome for the leftovers. */
interface Cleared {
  /** In words. */
  readonly removed: readonly string[];
  readonly problems: readonly ActionError[];
}

/**
 * Removes what runs left that died: their files in the etcd pods, their open uploads, and after days their objects that
 * never had a record. A leftover that cannot be removed is a problem; a cluster that cannot be asked at all is thrown.
 */
export async function removeLeftovers(
  given: EndWorld,
  request: { readonly hostedCluster: ObjectRef; readonly prefix: string },
  runs: KnownRuns,
): Promise<Cleared> {
  // Without a dead run there is most likely nothing to remove, and a wrong s3-endpoint is to be told within seconds.
  const world: LeftoverWorld = { ...given, patient: runs.dead !== undefined };
  const { store } = world;
  const { namespace, name } = request.hostedCluster;
  const cluster = { prefix: request.prefix, namespace, name };
  return all([
    clearPods(world, controlPlaneNamespace(namespace, name), runs),
    ...(store === undefined
      ? []
      : [clearDeadRun(world, store, { ...cluster, runs }), clearFolder(world, store, { ...cluster, runs })]),
  ]);
}

/** A member of the dead run is asked for whatever its pod is, or is not: its volume has the files, and waits for the next pod. */
function clearPods(world: LeftoverWorld, namespace: string, runs: KnownRuns): Promise<Cleared> {
  return attempt(world, async () => {
    const pods = await world.cluster.listPods(namespace, etcdLabels);
    const running = pods.filter(({ phase }) => phase === "Running").map(({ name }) => name);
    const asked = new Set([...running, ...(runs.dead?.members ?? [])]);
    for (const { name, phase } of pods)
      if (!asked.has(name)) world.log.info(`pod ${name} is ${phase}, so it was not looked into`);
    return all([...asked].map((name) => clearPod(world, { namespace, name }, runs)));
  });
}

/** The API server, which has just listed the pod, is there where the pod's node may not be. */
function clearPod(world: LeftoverWorld, pod: ObjectRef, runs: KnownRuns): Promise<Cleared> {
  const { cluster } = world;
  const clear = async (): Promise<Cleared> => {
    const found = await findLeftFiles(cluster, pod);
    const left = found.filter(
      ({ nonce, ageSeconds }) =>
        nonce !== runs.alive?.nonce && (nonce === runs.dead?.nonce || ageSeconds * 1000 > longestLockMs),
    );
    return all(
      left.map(({ nonce, ageSeconds }) =>
        attempt(world, async () => {
          await removeFiles(cluster, pod, nonce);
          return {
            removed: [`files in pod ${pod.name}, ${String(Math.round(ageSeconds / 60))} min old`],
            problems: [],
          };
        }),
      ),
    );
  };
  return attempt(world, clear, ["cancelled", "internal", "cluster-unauthorized"]);
}

interface ClusterInStore {
  readonly prefix: string;
  readonly namespace: string;
  readonly name: string;
  readonly runs: KnownRuns;
}

/** By its computed keys: some stores list the open uploads of a key, but not those of a folder. */
function clearDeadRun(world: LeftoverWorld, store: SnapshotStore, cluster: ClusterInStore): Promise<Cleared> {
  const { dead } = cluster.runs;
  if (dead === undefined) return Promise.resolve(nothing);
  const run = { ...cluster, acquired: new Date(dead.acquired), nonce: dead.nonce };
  return all(snapshotKeys(run, dead.members).map((key) => attempt(world, () => abortUploadsOf(store, key))));
}

function clearFolder(world: LeftoverWorld, store: SnapshotStore, cluster: ClusterInStore): Promise<Cleared> {
  const folder = clusterFolder(cluster);
  const { alive, now } = cluster.runs;
  const isAlive = (nonce8: string): boolean => alive?.nonce.startsWith(nonce8) === true;
  const isOld = (time: Date | undefined): boolean =>
    time !== undefined && now.getTime() - time.getTime() > longestLockMs;
  return attempt(world, async () => {
    const [runs, uploads] = await Promise.all([listRuns(store, folder), store.listUploads(folder)]);
    const unrecorded = runs.filter(
      ({ record, acquired, nonce8 }) => record === undefined && isOld(acquired) && !isAlive(nonce8),
    );
    const uploading = new Set(
      uploads.flatMap(({ key, startedAt }) => {
        const run = findSnapshotRun(folder, key);
        return run !== undefined && !isAlive(run.nonce8) && isOld(run.acquired) && isOld(startedAt) ? [key] : [];
      }),
    );
    return all([
      ...[...uploading].map((key) => attempt(world, () => abortUploadsOf(store, key))),
      ...unrecorded.flatMap((run) =>
        [...run.snapshots, ...run.companions].map((object) =>
          attempt(world, async () => ({
            removed: await removeAbandoned({ ...world, store }, run, { object, now }),
            problems: [],
          })),
        ),
      ),
    ]);
  });
}

async function abortUploadsOf(store: SnapshotStore, key: string): Promise<Cleared> {
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  return { removed: Array<string>(await abortUploads(store, key)).fill(`an open upload of ${uri}`), problems: [] };
}

const nothing: Cleared = { removed: [], problems: [] };

async function all(parts: readonly Promise<Cleared>[]): Promise<Cleared> {
  const cleared = await Promise.all(parts);
  return {
    removed: cleared.flatMap(({ removed }) => removed),
    problems: cleared.flatMap(({ problems }) => problems),
  };
}

/** The result of `work`; its failure is a problem, unless it leaves nothing else to be tried. */
async function attempt(
  world: LeftoverWorld,
  work: () => Promise<Cleared>,
  endsAll: readonly ErrorCode[] = ["cancelled", "internal", "cluster-unauthorized", "cluster-unreachable"],
): Promise<Cleared> {
  try {
    return await (world.patient ? persist(world, work) : work());
  } catch (error) {
    const problem = describeError(error);
    if (endsAll.includes(problem.code)) throw problem;
    return { removed: [], problems: [problem] };
  }
}
