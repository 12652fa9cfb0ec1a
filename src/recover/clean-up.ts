import { ActionError, describeError, hasCode } from "../errors.ts";
import { removalCommand } from "../etcd/snapshot-save.ts";
import type { Clock, Log, ManagementCluster, ObjectRef, SnapshotStore } from "../ports.ts";
import { formatSnapshotUri, recordKey } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";

/** What the removal of leftovers needs of the world; `signal` ends it. */
interface CleanUpWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Ends the saves of a run in the pods and removes their files; what stays is a warning, since the next run removes it. */
export async function removeSnapshotFiles(
  world: CleanUpWorld & { readonly cluster: ManagementCluster },
  namespace: string,
  pods: readonly string[],
  nonce: string,
): Promise<void> {
  await Promise.all(
    pods.map(async (name) => {
      try {
        await persist(world, (signal) => removeFiles(world.cluster.withSignal(signal), { namespace, name }, nonce));
      } catch (error) {
        const { code, message } = describeError(error);
        world.log.warning(`the files of this run in pod ${name} could not be removed (${code}: ${message})`);
      }
    }),
  );
}

/** As `removeUnrecorded`; what stays is a warning. */
export async function tryRemoveUnrecorded(
  world: CleanUpWorld & { readonly store: SnapshotStore },
  key: string,
  nonce: string,
): Promise<void> {
  await tryInStore(world, key, "it has no record and is no backup", async (store) => {
    for (const removed of await removeUnrecorded(store, key, nonce)) world.log.info(`removed ${removed}`);
  });
}

/** As `abortUploads`; what stays is a warning. */
export async function tryAbortUploads(
  world: CleanUpWorld & { readonly store: SnapshotStore },
  key: string,
): Promise<void> {
  await tryInStore(world, key, "an open upload takes space; recover looks for it again", async (store) => {
    const aborted = await abortUploads(store, key);
    if (aborted > 0) world.log.info(`aborted an upload whose start was not answered`);
  });
}

async function tryInStore(
  world: CleanUpWorld & { readonly store: SnapshotStore },
  key: string,
  consequence: string,
  work: (store: SnapshotStore) => Promise<void>,
): Promise<void> {
  const { store, log } = world;
  try {
    await persist(world, (signal) => work(store.withSignal(signal)));
  } catch (error) {
    const { code, message } = describeError(error);
    const uri = formatSnapshotUri({ bucket: store.bucket, key });
    log.warning(`what this run left at ${uri} could not be removed (${code}: ${message}); ${consequence}`);
  }
}

/** Does `work` again for as long as what it needs is away, up to a time that leaves enough for what comes after it. */
export async function persist<T>(world: CleanUpWorld, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const signal = AbortSignal.any([world.signal, world.clock.timeout(limits.cleanUpMs)]);
  let last: ActionError | undefined;
  for (;;) {
    try {
      return await work(signal);
    } catch (error) {
      // The time is over in the middle of a try: what failed before tells more.
      if (hasCode(error, "cancelled") && last !== undefined) throw last;
      // A pod that was replaced has its volume, and with it the files, when its container runs again.
      if (!hasCode(error, "exec-failed", "exec-interrupted", "cluster-unreachable", "store-unreachable")) throw error;
      last = error;
      await world.clock.sleep(limits.undoRetryMs, signal).catch(() => {
        // The time is over: what was tried tells more than that.
        throw error;
      });
    }
  }
}

/** Ends the saves of a run in one pod and removes their files. Throws `leftovers-remain` when a file stayed. */
export async function removeFiles(cluster: ManagementCluster, pod: ObjectRef, nonce: string): Promise<void> {
  const result = await cluster.exec({ ...pod, container: "etcd" }, removalCommand(nonce), {
    timeoutMs: limits.execTimeoutMs,
  });
  const left = result.stdout.toString().trim().replaceAll("\n", ", ");
  if (result.exitCode !== 0 || left !== "")
    throw new ActionError("leftovers-remain", `files of a run stayed in pod ${pod.name}: ${left}`, {
      hint: "look at the volume of the etcd pod: it may be read-only",
    });
}

/**
 * Aborts the open uploads of a run, and deletes its object when no record makes it a snapshot and its nonce begins with
 * `nonce`, which is whole or the eight digits that the key has. Returns what was removed, in words.
 */
export async function removeUnrecorded(store: SnapshotStore, key: string, nonce: string): Promise<readonly string[]> {
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  const aborted = Array<string>(await abortUploads(store, key)).fill(`an open upload of ${uri}`);
  const object = await store.findObject(key);
  if (object?.metadata["nonce"]?.startsWith(nonce) !== true) return aborted;
  if ((await store.findObject(recordKey(key))) !== undefined) return aborted;
  await store.deleteObject(key, object.versionId === undefined ? {} : { versionId: object.versionId });
  return [...aborted, `${uri}, which has no record`];
}

/** Aborts the open uploads of a key, and returns how many. One whose start was not answered is known by its key alone. */
export async function abortUploads(store: SnapshotStore, key: string): Promise<number> {
  const uploads = (await store.listUploads(key)).filter((upload) => upload.key === key);
  for (const upload of uploads) await store.abortUpload(upload);
  return uploads.length;
}
