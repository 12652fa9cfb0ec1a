import { describeError } from "../errors.ts";
import { removalCommand } from "../etcd/snapshot-save.ts";
import type { Log, ManagementCluster, SnapshotStore } from "../ports.ts";
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
        const result = await world.cluster.exec({ namespace, name, container: "etcd" }, removalCommand(nonce), {
          timeoutMs: limits.execTimeoutMs,
        });
        const left = result.stdout.toString().trim();
        if (result.exitCode !== 0 || left !== "") world.log.warning(`files of this run stayed in pod ${name}: ${left}`);
      } catch (error) {
        const { code, message } = describeError(error);
        world.log.warning(`the files of this run in pod ${name} could not be removed (${code}: ${message})`);
      }
    }),
  );
}

/** Aborts the open uploads of a run, and deletes its object when no record makes it a snapshot and its nonce is the run's. */
export async function removeUnrecorded(
  world: { readonly store: SnapshotStore; readonly log: Log },
  key: string,
  nonce: string,
): Promise<void> {
  const { store, log } = world;
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  try {
    for (const upload of await store.listUploads(key)) await store.abortUpload(upload);
    const object = await store.findObject(key);
    if (object === undefined || object.metadata["nonce"] !== nonce) return;
    if ((await store.findObject(recordKey(key))) !== undefined) return;
    await store.deleteObject(key, object.versionId === undefined ? {} : { versionId: object.versionId });
    log.info(`deleted ${uri}, which has no record`);
  } catch (error) {
    const { code, message } = describeError(error);
    log.warning(
      `what this run left at ${uri} could not be removed (${code}: ${message}); it has no record and is no backup`,
    );
  }
}
