import { ActionError, describeError, hasCode } from "../../errors.ts";
import type { Log, SnapshotStore, StoredObject } from "../../ports.ts";

/**
 * `store`, whose writes are decided by a look at the object: an answer may be lost although the write was done, and a try
 * after it meets its own object. A write counts as done when the object is this run's, whatever was answered, and as
 * `object-exists` or the answer's failure when it is not.
 */
export function decideByLook(store: SnapshotStore, log: Log | undefined): SnapshotStore {
  return {
    ...store,
    withSignal: (signal) => decideByLook(store.withSignal(signal), log),
    putNewObject: async (key, body, options) => {
      try {
        return await store.putNewObject(key, body, options);
      } catch (error) {
        const found = await look(store, key, describeError(error));
        if (found === undefined || found.sizeBytes !== body.byteLength || !hasMetadata(found, options.metadata))
          throw error;
        if (!(await holds(store, key, found, body))) throw error;
        return found.versionId === undefined ? {} : { versionId: found.versionId };
      }
    },
    completeUpload: async (upload, parts, expected) => {
      const { key } = upload;
      const uri = `s3://${store.bucket}/${key}`;
      let failure: ActionError | undefined;
      let found: StoredObject | undefined;
      try {
        found = await store.completeUpload(upload, parts, expected);
      } catch (error) {
        failure = describeError(error);
        found = await look(store, key, failure);
      }
      if (found === undefined || !hasMetadata(found, expected.metadata)) {
        // After a 412 the upload stays open on some stores, and would be paid for.
        if (hasCode(failure, "object-exists"))
          await store.abortUpload(upload).catch((error: unknown) => {
            log?.warning(`${describeError(error).message}; its parts are stored until then`);
          });
        throw failure ?? foreign(uri);
      }
      if (found.sizeBytes === expected.sizeBytes) return found;
      throw new ActionError(
        "proof-failed",
        `${uri} has ${String(found.sizeBytes)} bytes, not the ${String(expected.sizeBytes)} that were sent`,
        { hint: "do not trust this store before its operator has found out why; the object is deleted" },
      );
    },
  };
}

/** A look that fails says less than `failure`, which is thrown then; and so it is when nothing may be asked any more. */
async function look(store: SnapshotStore, key: string, failure: ActionError): Promise<StoredObject | undefined> {
  if (failure.code === "cancelled") throw failure;
  try {
    return await store.findObject(key);
  } catch (error) {
    throw hasCode(error, "cancelled") ? error : failure;
  }
}

/** True when the stored bytes are `body`; such objects are small. */
async function holds(store: SnapshotStore, key: string, { versionId }: StoredObject, body: Buffer): Promise<boolean> {
  let offset = 0;
  try {
    for await (const chunk of store.readObject(key, versionId === undefined ? {} : { versionId })) {
      if (!body.subarray(offset, offset + chunk.byteLength).equals(chunk)) return false;
      offset += chunk.byteLength;
    }
  } catch (error) {
    if (hasCode(error, "cancelled")) throw error;
    return false;
  }
  return offset === body.byteLength;
}

/** `metadata` holds a nonce, so an empty one proves nothing. */
function hasMetadata(stored: StoredObject, metadata: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(metadata);
  return entries.length > 0 && entries.every(([name, value]) => stored.metadata[name.toLowerCase()] === value);
}

function foreign(uri: string): ActionError {
  return new ActionError("object-exists", `${uri} is there, but it is not this run's object`, {
    hint: "something else writes to this prefix; run the backup again, it takes a name of its own",
  });
}
