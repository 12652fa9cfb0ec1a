import { ActionError } from "../../../src/errors.ts";
import type { StoredObject } from "../../../src/ports.ts";
import type { RestoreWorld } from "../../../src/restore/world.ts";
import { recordKeyOf } from "../../../src/snapshots/location.ts";
import { sealedKeyOf } from "../../../src/snapshots/sealed-key.ts";
import type { SnapshotRecord } from "../../../src/snapshots/record.ts";
import type { SnapshotUri } from "../../../src/snapshots/location.ts";
import { buildRecord, nonce, snapshot as recordedSnapshot, snapshotBytes } from "./record-builder.ts";

export interface MemoryStoreOptions {
  /** Where the snapshot lies; absent: where the record builder puts it. */
  readonly at?: SnapshotUri;
  /** Text in place of the record's own; null for none. */
  readonly record?: SnapshotRecord | string | null;
  /** null for none. */
  readonly object?: Partial<StoredObject> | null;
  /** Of the snapshot, as they are read; absent: those that were recorded. */
  readonly bytes?: Iterable<Uint8Array>;
  /** The sealed keys beside the record; absent: there are none. */
  readonly sealed?: Buffer;
  /** What the store says of their size; absent: the truth. */
  readonly sealedBytes?: number;
  readonly credentialsEnd?: Date;
  /** Of the snapshot; absent: that of the record builder. */
  readonly key?: string;
  /** By the store's clock. */
  readonly now?: Date;
  /** In place of the signed URL. */
  readonly url?: string;
  /** What the store gives for the URL; absent: the object's length. */
  readonly urlBytes?: number;
}

export type MemoryStore = RestoreWorld["store"] & {
  /** What the store was asked, in order. */
  readonly asked: string[];
};

/** A store that holds one snapshot and its record, as a backup left them. */
export function createMemoryStore(options: MemoryStoreOptions = {}): MemoryStore {
  const { record = buildRecord(), object = {}, at: snapshot = recordedSnapshot } = options;
  const { key: snapshotKey = snapshot.key } = options;
  const text = typeof record === "string" ? record : JSON.stringify(record);
  const stored = { sizeBytes: snapshotBytes.length, metadata: { nonce, revision: "77" }, ...object };
  const asked: string[] = [];
  const sealedKey = sealedKeyOf(snapshot.key);
  const { sealed, sealedBytes = sealed?.length ?? 0 } = options;
  const objects = new Map<string, StoredObject>([
    ...(object === null ? [] : [[snapshotKey, stored] as const]),
    ...(record === null ? [] : [[recordKeyOf(snapshot.key), { sizeBytes: text.length, metadata: { nonce } }] as const]),
    ...(sealed === undefined ? [] : [[sealedKey, { sizeBytes: sealedBytes, metadata: { nonce } }] as const]),
  ]);
  return {
    asked,
    bucket: snapshot.bucket,
    now: () => options.now ?? new Date("2026-11-25T12:00:30Z"),
    listObjects: (prefix) => {
      asked.push(`list ${prefix}`);
      const found = [...objects].filter(([key]) => key.startsWith(prefix));
      return Promise.resolve(found.map(([key, { sizeBytes }]) => ({ key, sizeBytes, modifiedAt: undefined })));
    },
    findObject: (key) => {
      asked.push(`look ${key}`);
      return Promise.resolve(objects.get(key));
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- a generator that has it all
    readObject: async function* (key) {
      asked.push(`read ${key}`);
      if (key === recordKeyOf(snapshot.key)) yield Buffer.from(text);
      else if (key === snapshotKey)
        yield* options.bytes ?? [snapshotBytes.subarray(0, 100), snapshotBytes.subarray(100)];
      else if (key === sealedKey && sealed !== undefined) yield sealed;
      else throw new ActionError("object-not-found", "only snapshot, record and sealed keys may be read");
    },
    findCredentialsExpiry: () => Promise.resolve(options.credentialsEnd),
    signUrl: (key, { expiresInSeconds, versionId }) => {
      asked.push("sign");
      const version = versionId === undefined ? "" : `&versionId=${versionId}`;
      const query = `X-Amz-Expires=${String(expiresInSeconds)}&X-Amz-Signature=${signature}${version}`;
      return Promise.resolve(options.url ?? `https://store.example/${snapshot.bucket}/${key}?${query}`);
    },
    tryUrl: (url) => {
      asked.push(`try ${new URL(url).pathname}`);
      return Promise.resolve(options.urlBytes ?? stored.sizeBytes);
    },
  };
}

export const signature = "5f".repeat(32);
