import { ActionError } from "../errors.ts";
import type { StoredObject } from "../ports.ts";
import { formatSnapshotUri, recordKey, type SnapshotUri } from "../snapshot/location.ts";
import { parseRecord, type SnapshotEntry, type SnapshotRecord } from "../snapshot/record.ts";
import type { RestoreWorld } from "./world.ts";

/** A record has a few KiB. */
const recordMaxBytes = 1024 * 1024;

export interface RecordedSnapshot {
  readonly record: SnapshotRecord;
  readonly recordUri: string;
  /** The record's entry of this snapshot. */
  readonly entry: SnapshotEntry;
  readonly key: string;
}

/**
 * The snapshot with its record, which says that it was proven. Throws `object-not-found`, `record-missing`, `record-invalid` for
 * a record that does not name it, `snapshot-changed` for an object that is not the recorded one.
 */
export async function readRecordedSnapshot(
  snapshot: SnapshotUri,
  store: RestoreWorld["store"],
): Promise<RecordedSnapshot> {
  const uri = formatSnapshotUri(snapshot);
  const { key } = snapshot;
  const object = await store.findObject(key);
  if (object === undefined)
    throw new ActionError("object-not-found", `there is no snapshot ${uri}`, {
      hint: "take the output snapshot-uri of a backup",
    });
  const recordUri = formatSnapshotUri({ bucket: snapshot.bucket, key: recordKey(key) });
  const stored = await store.findObject(recordKey(key));
  if (stored === undefined)
    throw new ActionError(
      "record-missing",
      `the snapshot ${uri} has no record ${recordUri}: nothing says that it is whole`,
      {
        hint: "restore another snapshot, one that has a record",
      },
    );
  const record = parseRecord(await readText(recordKey(key), stored, recordUri, store), recordUri);
  const entry = record.snapshots.find((candidate) => candidate.uri === uri);
  if (entry === undefined)
    throw new ActionError("record-invalid", `the record ${recordUri} is not about the snapshot ${uri}`, {
      hint: "a snapshot and its record stay where they were written; restore from there",
    });
  refuseChanged(uri, object, record, entry);
  return { record, recordUri, entry, key };
}

async function readText(key: string, stored: StoredObject, uri: string, store: RestoreWorld["store"]): Promise<string> {
  if (stored.sizeBytes > recordMaxBytes)
    throw new ActionError("record-invalid", `the record ${uri} has ${String(stored.sizeBytes)} bytes`, {
      hint: "no record is that large; find out what wrote it",
    });
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.readObject(key)) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function refuseChanged(uri: string, object: StoredObject, record: SnapshotRecord, entry: SnapshotEntry): void {
  // What was written again has another version; where there are none, nobody else writes the nonce.
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
      hint: "restore another snapshot, or bring the recorded version back",
    });
}
