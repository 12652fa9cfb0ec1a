import { ActionError } from "../../../src/errors.ts";
import type { StoredObject } from "../../../src/ports.ts";
import type { RestoreWorld } from "../../../src/restore/world.ts";
import { recordKey } from "../../../src/snapshot/location.ts";
import type { SnapshotRecord } from "../../../src/snapshot/record.ts";
import { buildRecord, nonce, snapshot } from "./record-builder.ts";

export interface MemoryStoreOptions {
  /** Text in place of the record's own; null for none. */
  readonly record?: SnapshotRecord | string | null;
  /** null for none. */
  readonly object?: Partial<StoredObject> | null;
  readonly credentialsEnd?: Date;
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
  const { record = buildRecord(), object = {} } = options;
  const text = typeof record === "string" ? record : JSON.stringify(record);
  const stored = { sizeBytes: 4_128, metadata: { nonce, revision: "77" }, ...object };
  const asked: string[] = [];
  const objects = new Map<string, StoredObject>([
    ...(object === null ? [] : [[snapshot.key, stored] as const]),
    ...(record === null ? [] : [[recordKey(snapshot.key), { sizeBytes: text.length, metadata: { nonce } }] as const]),
  ]);
  return {
    asked,
    findObject: (key) => {
      asked.push(`look ${key}`);
      return Promise.resolve(objects.get(key));
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- a generator that has it all
    readObject: async function* (key) {
      asked.push(`read ${key}`);
      if (key === recordKey(snapshot.key)) yield Buffer.from(text);
      else throw new ActionError("object-not-found", "only the record may be read");
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
