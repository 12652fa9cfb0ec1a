import { readUpTo } from "../bytes.ts";
import { ActionError, hasCode } from "../errors.ts";
import type { SnapshotStore, StoredObject } from "../ports.ts";
import { formatSnapshotUri, recordKeyOf, type SnapshotUri } from "./location.ts";
import { parseRecord, type SnapshotEntry, type SnapshotRecord } from "./record.ts";

type RecordStore = Pick<SnapshotStore, "bucket" | "findObject" | "readObject">;

/** A record has a few KiB. */
export const recordMaxBytes = 1024 * 1024;

/** The stored object, with what is known of it. */
export interface KnownSnapshot {
  readonly snapshot: SnapshotUri;
  /** Absent in a bucket without versions. */
  readonly versionId?: string;
  readonly sizeBytes: number;
  /** Absent where a snapshot without a record was asked for. */
  readonly recorded?: RecordedSnapshot;
}

export interface RecordedSnapshot {
  readonly record: SnapshotRecord;
  readonly recordUri: string;
  /** The record's entry of this snapshot. */
  readonly entry: SnapshotEntry;
}

/**
 * The snapshot with its record. Throws `object-not-found`; `record-missing` for a snapshot without one unless
 * `allowUnrecorded`; `record-invalid` for a record that does not name it; `snapshot-changed` for an object that is not the
 * recorded one.
 */
export async function readKnownSnapshot(
  snapshot: SnapshotUri,
  store: RecordStore,
  { allowUnrecorded }: { readonly allowUnrecorded: boolean },
): Promise<KnownSnapshot> {
  const uri = formatSnapshotUri(snapshot);
  const { key } = snapshot;
  const object = await store.findObject(key);
  if (object === undefined)
    throw new ActionError("object-not-found", `there is no snapshot ${uri}`, {
      hint: "take the output snapshot-uri of a backup",
    });
  const { sizeBytes, versionId } = object;
  const known = { snapshot, sizeBytes, ...(versionId === undefined ? {} : { versionId }) };
  const recordUri = formatSnapshotUri({ bucket: snapshot.bucket, key: recordKeyOf(key) });
  const record = await findRecord(store, recordKeyOf(key));
  if (record === undefined && allowUnrecorded) return known;
  if (record === undefined)
    throw new ActionError(
      "record-missing",
      `the snapshot ${uri} has no record ${recordUri}: nothing says that it is whole`,
      {
        hint: "take another snapshot, one that has a record; or set allow-unrecorded: true, and compare by hand what a record would say",
      },
    );
  const entry = record.snapshots.find((candidate) => candidate.uri === uri);
  if (entry === undefined)
    throw new ActionError("record-invalid", `the record ${recordUri} is not about the snapshot ${uri}`, {
      hint: "a snapshot and its record stay where they were written; take it from there",
    });
  refuseChanged(uri, object, record, entry);
  return { ...known, recorded: { record, recordUri, entry } };
}

/** Whether one object alone cannot be read, which hides no other; a store that is away, or says what nobody knows, hides all. */
export function isOfOneObject(error: unknown): error is ActionError {
  return hasCode(error, "record-invalid", "object-not-found", "object-unreadable", "store-access-denied");
}

/** The record at `key` in the store's bucket; undefined where there is none. Throws `record-invalid`. */
export async function findRecord(store: RecordStore, key: string): Promise<SnapshotRecord | undefined> {
  const stored = await store.findObject(key);
  if (stored === undefined) return undefined;
  const uri = formatSnapshotUri({ bucket: store.bucket, key });
  return parseRecord(await readRecordText(store, { key, sizeBytes: stored.sizeBytes, uri }), uri);
}

/**
 * The text of a record, read whole and with a limit. Throws `record-invalid` for an object that is too large, or has another
 * length than the store told, where it did.
 */
export async function readRecordText(
  store: Pick<SnapshotStore, "readObject">,
  { key, sizeBytes, uri }: { readonly key: string; readonly sizeBytes: number | undefined; readonly uri: string },
): Promise<string> {
  const tooLarge = (found: string): ActionError =>
    new ActionError("record-invalid", `the record ${uri} has ${found} bytes`, {
      hint: "no record is that large; find out what wrote it",
    });
  if (sizeBytes !== undefined && sizeBytes > recordMaxBytes) throw tooLarge(String(sizeBytes));
  const bytes = await readUpTo(store.readObject(key), sizeBytes ?? recordMaxBytes);
  if (sizeBytes === undefined && bytes.byteLength > recordMaxBytes)
    throw tooLarge(`more than ${String(recordMaxBytes)}`);
  if (sizeBytes !== undefined && bytes.byteLength !== sizeBytes)
    throw new ActionError("record-invalid", `the record ${uri} has another length than the store says`, {
      hint: "run again; if it stays so, find out what the store answers",
    });
  return bytes.toString("utf8");
}

function refuseChanged(uri: string, object: StoredObject, record: SnapshotRecord, entry: SnapshotEntry): void {
  // A snapshot that was written again has another version; where there are no versions, nobody else writes the nonce.
  const isOther =
    entry.versionId === undefined ? object.metadata["nonce"] !== record.nonce : object.versionId !== entry.versionId;
  const difference =
    object.sizeBytes !== entry.sizeBytes
      ? `has ${String(object.sizeBytes)} bytes, not ${String(entry.sizeBytes)}`
      : isOther
        ? "was written again since"
        : undefined;
  if (difference !== undefined)
    throw new ActionError("snapshot-changed", `the snapshot ${uri} is not the recorded one: it ${difference}`, {
      hint: "take another snapshot, or bring the recorded version back",
    });
}
