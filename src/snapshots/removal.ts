import { describeError, hasCode } from "../errors.ts";
import { persist, type PersistWorld } from "../persist.ts";
import type { ListedObject, Log, SnapshotStore } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { formatSnapshotUri, recordKey, sealedKeyKey, snapshotKeys, type SnapshotRun } from "./location.ts";
import { findRecord } from "./recorded-snapshot.ts";
import type { StoredRun } from "./stored-runs.ts";

interface RemovalWorld extends PersistWorld {
  readonly store: SnapshotStore;
  readonly log: Log;
}

/** A run that ends, and what it knows of itself. */
export interface EndedRun extends SnapshotRun {
  /** True where it has read its record back: a store that shows none then says nothing of its snapshots. */
  readonly isRecorded?: boolean;
}

/**
 * Removes what a run itself left in the store: open uploads, and its objects, sealed keys too, unless a record makes them a
 * backup. What stays is a warning, and its addresses are returned.
 */
export async function tryRemoveOwn(
  world: RemovalWorld,
  run: EndedRun,
  members: readonly string[],
): Promise<readonly string[]> {
  const consequence = "it has no record and is no backup";
  const tell = (removed: readonly string[]): void => {
    for (const what of removed) world.log.info(`removed ${what}`);
  };
  const sealed = sealedKeyKey(run);
  const left = await Promise.all([
    ...snapshotKeys(run, members).map((key) =>
      tryInStore(world, { key, consequence }, async (store) => {
        tell(await removeOwn(store, key, run));
      }),
    ),
    tryInStore(world, { key: sealed, consequence }, async (store) => {
      tell(await removeUnrecorded(store, sealed, run));
    }),
  ]);
  return left.flat();
}

/** Aborts the open uploads of a run. An upload that stays is a warning. */
export async function tryAbortUploads(world: RemovalWorld, keys: readonly string[]): Promise<void> {
  const consequence = "an open upload takes space; recover looks for it again";
  await Promise.all(
    keys.map((key) =>
      tryInStore(world, { key, consequence }, async (store) => {
        const aborted = await abortUploads(store, key);
        if (aborted > 0) world.log.info(`aborted an upload whose start was not answered`);
      }),
    ),
  );
}

/** Aborts the open uploads of a key, and returns how many. An upload whose start was not answered is known by its key alone. */
export async function abortUploads(store: SnapshotStore, key: string): Promise<number> {
  const uploads = (await store.listUploads(key)).filter((upload) => upload.key === key);
  for (const upload of uploads) await store.abortUpload(upload);
  return uploads.length;
}

/**
 * Removes a snapshot or the sealed keys of another run, of which nobody can say any more what it was to be: only where it is days old, has
 * the run's nonce, is not pinned, and never had a record, also none that somebody removed. Returns what was removed, in words.
 */
export async function removeAbandoned(
  world: { readonly store: SnapshotStore; readonly log: Log },
  run: StoredRun,
  given: { readonly object: ListedObject; readonly now: Date },
): Promise<readonly string[]> {
  const { store, log } = world;
  const { key, modifiedAt } = given.object;
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  const kept = run.pinned ? "it is pinned" : run.drilled ? "it had one when a drill proved it" : undefined;
  if (kept !== undefined) {
    log.info(`${uri} has no record, and is left: ${kept}`);
    return [];
  }
  const days = String(limits.abandonedMs / 86_400_000);
  const isOld = (time: Date | undefined): boolean =>
    time !== undefined && given.now.getTime() - time.getTime() > limits.abandonedMs;
  if (!isOld(run.acquired) || !isOld(modifiedAt)) {
    log.info(`${uri} has no record; where it never had one, it is removed when it is ${days} days old`);
    return [];
  }
  const object = await store.findObject(key);
  if (object?.metadata["nonce"]?.startsWith(run.nonce8) !== true) return [];
  if ((await store.findObject(run.recordKey)) !== undefined) return [];
  try {
    if ((await store.countVersions(run.recordKey)) > 0) {
      log.warning(`${uri} has no record any more, but had one: it is left; put the record back, or remove both`);
      return [];
    }
  } catch (error) {
    if (!hasCode(error, "store-access-denied")) throw error;
    log.warning(`${uri} has no record, and is left: whether it had one may not be seen (${error.message})`);
    return [];
  }
  if ((await store.findObject(run.pinKey)) !== undefined) return [];
  log.warning(`${uri} is over ${days} days old, and never had a record: its run did not end; it is removed`);
  await store.deleteObject(key);
  return [`${uri}, which never had a record`];
}

/**
 * Aborts the open uploads of one key of a run, and deletes its object where no record makes it a snapshot; in words. The record
 * of a run of several members does not name those that fell out. Throws `record-invalid` for one that cannot be read.
 */
export async function removeOwn(store: SnapshotStore, key: string, run: EndedRun): Promise<readonly string[]> {
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  const aborted = Array<string>(await abortUploads(store, key)).fill(`an open upload of ${uri}`);
  return [...aborted, ...(await removeUnrecorded(store, key, run))];
}

async function removeUnrecorded(store: SnapshotStore, key: string, run: EndedRun): Promise<readonly string[]> {
  const object = await store.findObject(key);
  if (object?.metadata["nonce"] !== run.nonce) return [];
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  const record = await findRecord(store, recordKey(run));
  // Sealed keys go with any record of their run.
  const isNamed = key === sealedKeyKey(run) || record?.snapshots.some((snapshot) => snapshot.uri === uri) === true;
  if (record === undefined ? run.isRecorded === true : isNamed) return [];
  await store.deleteObject(key);
  return [`${uri}, which ${record === undefined ? "has no record" : "the record does not name"}`];
}

/** The address of `key` where the work failed, which is a warning. */
async function tryInStore(
  world: RemovalWorld,
  { key, consequence }: { readonly key: string; readonly consequence: string },
  work: (store: SnapshotStore) => Promise<void>,
): Promise<readonly string[]> {
  const { store, log } = world;
  try {
    await persist(world, (signal) => work(store.withSignal(signal)));
    return [];
  } catch (error) {
    const { code, message } = describeError(error);
    const uri = formatSnapshotUri({ bucket: store.bucket, key });
    log.warning(`what this run left at ${uri} could not be removed (${code}: ${message}); ${consequence}`);
    return [uri];
  }
}
