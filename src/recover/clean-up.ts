import { ActionError, describeError } from "../errors.ts";
import { removalCommand } from "../etcd/snapshot-save.ts";
import type { Log, ManagementCluster, ObjectRef, SnapshotStore } from "../ports.ts";
import { formatSnapshotUri, recordKey } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";

/** Ends the saves of a run in the pods and removes their files; what stays is a warning, since the next run removes it. */
export async function removeSnapshotFiles(
  world: { readonly cluster: ManagementCluster; readonly log: Log },
  namespace: string,
  pods: readonly string[],
  nonce: string,
): Promise<void> {
  await Promise.all(
    pods.map(async (name) => {
      try {
        await removeFiles(world.cluster, { namespace, name }, nonce);
      } catch (error) {
        const { code, message } = describeError(error);
        world.log.warning(`the files of this run in pod ${name} could not be removed (${code}: ${message})`);
      }
    }),
  );
}

/** As `removeUnrecorded`; what stays is a warning. */
export async function tryRemoveUnrecorded(
  world: { readonly store: SnapshotStore; readonly log: Log },
  key: string,
  nonce: string,
): Promise<void> {
  const { store, log } = world;
  try {
    for (const removed of await removeUnrecorded(store, key, nonce)) log.info(`removed ${removed}`);
  } catch (error) {
    const { code, message } = describeError(error);
    log.warning(
      `what this run left at ${formatSnapshotUri({ bucket: store.bucket, key })} could not be removed (${code}: ${message}); it has no record and is no backup`,
    );
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
  const uploads = (await store.listUploads(key)).filter((upload) => upload.key === key);
  for (const upload of uploads) await store.abortUpload(upload);
  const aborted = uploads.map(() => `an open upload of ${uri}`);
  const object = await store.findObject(key);
  if (object?.metadata["nonce"]?.startsWith(nonce) !== true) return aborted;
  if ((await store.findObject(recordKey(key))) !== undefined) return aborted;
  await store.deleteObject(key, object.versionId === undefined ? {} : { versionId: object.versionId });
  return [...aborted, `${uri}, which has no record`];
}
