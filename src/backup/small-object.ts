import { readUpTo } from "../bytes.ts";
import { ActionError, hasCode } from "../errors.ts";
import type { Clock, SnapshotStore } from "../ports.ts";
import { formatSnapshotUri } from "../snapshots/location.ts";
import { limits } from "../time-limits.ts";

/** A small object that a run writes beside its snapshots. */
export interface SmallObject {
  /** For a reader, such as "the record". */
  readonly name: string;
  readonly key: string;
  readonly body: Buffer;
  readonly contentType: string;
}

/**
 * Creates the object and reads it back, in a time of its own: a cancelled run does that still, since a cluster that does not come
 * back needs its snapshot most. Returns what is stored, and the store for what is left of that time; the caller compares.
 * Throws `store-unreachable` where the time is over.
 */
export async function putAndRead(
  world: { readonly store: SnapshotStore; readonly clock: Clock },
  { name, key, body, contentType }: SmallObject,
  nonce: string,
): Promise<{ readonly store: SnapshotStore; readonly stored: Buffer }> {
  const store = world.store.withSignal(world.clock.timeout(limits.recordMs));
  try {
    await store.putNewObject(key, body, { contentType, metadata: { nonce } });
    return { store, stored: await readUpTo(store.readObject(key), body.length) };
  } catch (error) {
    if (!hasCode(error, "cancelled")) throw error;
    const uri = formatSnapshotUri({ bucket: store.bucket, key });
    throw new ActionError("store-unreachable", `${name} ${uri} was not written within its time`, {
      hint: "look whether the store answers, and what is between the runner and it",
      cause: error,
    });
  }
}
