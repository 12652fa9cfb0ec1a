import type { Snapshot } from "../etcd/snapshot.ts";
import { refuseImpossibleSize } from "../etcd/trailer.ts";
import { ActionError, hasCode } from "../errors.ts";
import type { SnapshotStore } from "../ports.ts";
import { quote } from "../shown-text.ts";
import { compareFigures, figuresInRecord, findHashKvPoint } from "./comparison.ts";
import { formatSnapshotUri } from "./location.ts";
import { proveStored, type ProofOptions } from "./proof.ts";
import type { KnownSnapshot, RecordedSnapshot } from "./recorded-snapshot.ts";

const mostShown = 5;

/**
 * Reads a stored snapshot whole, every page and value of it, and holds it against its record, where it has one. The
 * caller judges whether the keys open the values. Throws `snapshot-changed` for other bytes than the recorded ones,
 * `snapshot-trailer-missing` and `snapshot-invalid` for bytes that are not a whole snapshot, `record-invalid` for other
 * figures, and as `proveStored` does.
 */
export async function proveKnown(
  store: Pick<SnapshotStore, "bucket" | "readObject">,
  { snapshot: { bucket, key }, versionId, sizeBytes, recorded }: KnownSnapshot,
  options: Pick<ProofOptions, "keys" | "openSpool" | "signal" | "indexLive">,
): Promise<Snapshot> {
  refuseImpossibleSize(sizeBytes);
  const object = { key, sizeBytes, ...(versionId === undefined ? {} : { versionId }) };
  const expected = { sizeBytes, ...(recorded === undefined ? {} : { sha256: recorded.entry.sha256 }) };
  const hashKvAt = recorded && findHashKvPoint(recorded.entry);
  const snapshot = await proveStored(store, object, expected, {
    ...options,
    ...(hashKvAt === undefined ? {} : { hashKvAt }),
  }).catch((error: unknown) => {
    throw hasCode(error, "proof-failed") ? judgeAgain(error, formatSnapshotUri({ bucket, key })) : error;
  });
  if (recorded !== undefined) refuseOtherFigures(snapshot, recorded);
  return snapshot;
}

/** The proof speaks of an object that was just sent; this one was proven long ago, or never. */
function judgeAgain(error: ActionError, uri: string): ActionError {
  if (hasCode(error.cause, "snapshot-invalid"))
    return new ActionError("snapshot-invalid", `the snapshot ${uri}, read whole, is damaged: ${error.cause.message}`, {
      hint: "restore another snapshot; etcd would refuse this one, or serve what is wrong in it",
      cause: error,
    });
  return new ActionError("snapshot-changed", `the snapshot ${uri} is not the recorded one: ${error.message}`, {
    hint: "restore another snapshot, or bring the recorded version back; find out what changed this one",
    cause: error,
  });
}

/** Throws `record-invalid` where the record tells a figure of the snapshot that the file does not have. */
export function refuseOtherFigures(snapshot: Snapshot, { record, recordUri, entry }: RecordedSnapshot): void {
  const differences = compareFigures(snapshot, figuresInRecord(record, entry, record.snapshots));
  if (differences.length === 0) return;
  const shown = differences
    .slice(0, mostShown)
    .map(
      (each) =>
        `${quote(each.field)} is ${JSON.stringify(each.record)} there, and ${JSON.stringify(each.file)} in the file`,
    );
  const more = differences.length > mostShown ? `, and ${String(differences.length - mostShown)} more` : "";
  throw new ActionError(
    "record-invalid",
    `the record ${recordUri} is not what the snapshot's bytes say: ${shown.join("; ")}${more}`,
    { hint: "take another snapshot; find out who wrote this record" },
  );
}
