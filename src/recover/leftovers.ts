import { describeError, type ActionError, type ErrorCode } from "../errors.ts";
import { leftFilesCommand, parseLeftFiles } from "../etcd/snapshot-leftovers.ts";
import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import { longestLockMs, type Journal } from "../hypershift/journal.ts";
import type { ObjectRef, SnapshotStore } from "../ports.ts";
import { clusterFolder, findSnapshotRun, recordKey, snapshotKey } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";
import { persist, removeFiles, removeUnrecorded } from "./clean-up.ts";
import type { RecoverWorld } from "./dead-run.ts";

/** Labels of the pods of HyperShift's StatefulSet etcd. */
export const etcdLabels = { app: "etcd" } as const;

/** `signal` ends the removal; `patient`: what is away is waited for. */
type LeftoverWorld = RecoverWorld & { readonly signal: AbortSignal; readonly patient: boolean };

/** The runs that are known: of every other one only what is older than any lock is a leftover. */
interface KnownRuns {
  /** Alive: nothing of it is touched. */
  readonly alive?: Journal;
  /** Dead: everything of it is a leftover, however young. */
  readonly dead?: Journal;
  /** By the API server's clock. */
  readonly now: Date;
}

/** What became of the leftovers. */
interface Cleared {
  /** In words. */
  readonly removed: readonly string[];
  readonly problems: readonly ActionError[];
}

/**
 * Removes what runs left whose journal is gone: their files in the etcd pods, their open uploads, their objects without
 * a record. What cannot be removed is a problem; a cluster that cannot be asked at all is thrown.
 */
export async function removeLeftovers(
  given: RecoverWorld & { readonly signal: AbortSignal },
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
      : [clearDeadRun(world, store, cluster, runs), clearFolder(world, store, clusterFolder(cluster), runs)]),
  ]);
}

function clearPods(world: LeftoverWorld, namespace: string, runs: KnownRuns): Promise<Cleared> {
  return attempt(world, async () => {
    const pods = await world.cluster.listPods(namespace, etcdLabels);
    for (const { name, phase } of pods)
      if (phase !== "Running") world.log.info(`pod ${name} is ${phase}, so it was not looked into`);
    return all(
      pods.filter(({ phase }) => phase === "Running").map(({ name }) => clearPod(world, namespace, name, runs)),
    );
  });
}

/** The API server, which has just listed the pod, is there where the pod's node may not be. */
function clearPod(world: LeftoverWorld, namespace: string, name: string, runs: KnownRuns): Promise<Cleared> {
  const { cluster } = world;
  const clear = async (): Promise<Cleared> => {
    const pod = { namespace, name, container: "etcd" };
    const result = await cluster.exec(pod, leftFilesCommand(), { timeoutMs: limits.execTimeoutMs });
    const left = parseLeftFiles(result.stdout.toString()).filter(
      ({ nonce, ageSeconds }) =>
        nonce !== runs.alive?.nonce && (nonce === runs.dead?.nonce || ageSeconds * 1000 > longestLockMs),
    );
    return all(
      left.map(({ nonce, ageSeconds }) =>
        attempt(world, async () => {
          await removeFiles(cluster, { namespace, name }, nonce);
          return { removed: [`files in pod ${name}, ${String(Math.round(ageSeconds / 60))} min old`], problems: [] };
        }),
      ),
    );
  };
  return attempt(world, clear, ["cancelled", "internal", "cluster-unauthorized"]);
}

/** By its computed key: some stores list the open uploads of a key, but not those of a folder. */
function clearDeadRun(
  world: LeftoverWorld,
  store: SnapshotStore,
  cluster: { readonly prefix: string; readonly namespace: string; readonly name: string },
  { dead }: KnownRuns,
): Promise<Cleared> {
  return attempt(world, async () => {
    if (dead === undefined) return nothing;
    const key = snapshotKey({ ...cluster, acquired: new Date(dead.acquired), nonce: dead.nonce });
    return { removed: await removeUnrecorded(store, key, dead.nonce), problems: [] };
  });
}

function clearFolder(world: LeftoverWorld, store: SnapshotStore, folder: string, runs: KnownRuns): Promise<Cleared> {
  return attempt(world, async () => {
    const keys = new Map(await findLeftKeys(store, folder, runs));
    const clear = (key: string, nonce8: string): Promise<Cleared> =>
      attempt(world, async () => ({ removed: await removeUnrecorded(store, key, nonce8), problems: [] }));
    return all([...keys].map(([key, nonce8]) => clear(key, nonce8)));
  });
}

/** Keys that a run could have left, each with the digits of its nonce. */
async function findLeftKeys(
  store: SnapshotStore,
  folder: string,
  runs: KnownRuns,
): Promise<readonly (readonly [key: string, nonce8: string])[]> {
  const [objects, uploads] = await Promise.all([store.listObjects(folder), store.listUploads(folder)]);
  const keys = new Set(objects.map(({ key }) => key));
  const isOld = (time: Date | undefined): boolean =>
    time !== undefined && runs.now.getTime() - time.getTime() > longestLockMs;
  return [
    ...objects.filter(({ key }) => !keys.has(recordKey(key))).map(({ key, modifiedAt: since }) => ({ key, since })),
    ...uploads.map(({ key, startedAt: since }) => ({ key, since })),
  ].flatMap(({ key, since }) => {
    const run = findSnapshotRun(folder, key);
    if (run === undefined || runs.alive?.nonce.startsWith(run.nonce8) === true) return [];
    return isOld(run.acquired) && isOld(since) ? [[key, run.nonce8] as const] : [];
  });
}

const nothing: Cleared = { removed: [], problems: [] };

async function all(parts: readonly Promise<Cleared>[]): Promise<Cleared> {
  const cleared = await Promise.all(parts);
  return {
    removed: cleared.flatMap(({ removed }) => removed),
    problems: cleared.flatMap(({ problems }) => problems),
  };
}

/** What `work` came to; its failure is a problem, unless it leaves nothing else to be tried. */
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
