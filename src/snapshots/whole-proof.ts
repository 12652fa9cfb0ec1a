import type { NamedKey } from "../etcd/aescbc.ts";
import { describeAlarm } from "../etcd/cluster-state.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import type { Log, ObjectRef, SnapshotStore } from "../ports.ts";
import { refuseOlder, renderAge } from "./age.ts";
import { resolveSnapshot, type LatestOf, type LatestStore } from "./latest.ts";
import { formatSnapshotUri, type SnapshotUri } from "./location.ts";
import { refuseOtherCluster, refuseOtherFolder, type Pins } from "./pins.ts";
import type { ProofOptions } from "./proof.ts";
import { refuseDivergedMembers, refuseLostKeys, refuseUnprovenBytes } from "./record-proofs.ts";
import { refuseClosedValues, refuseOtherKeys } from "./recorded-keys.ts";
import { proveKnown } from "./recorded-proof.ts";
import { readKnownSnapshot, type KnownSnapshot, type RecordedSnapshot } from "./recorded-snapshot.ts";
import { findStoredKeys } from "./sealed-key.ts";

/** A snapshot that is to be proven, with what is known of it before its bytes are read. */
export interface Subject {
  /** Its address or path, for a reader. */
  readonly name: string;
  /** Absent for a file. */
  readonly uri?: string;
  /** Absent where there is no record, and none is asked for. */
  readonly recorded?: RecordedSnapshot;
  /** By the clock of its store, or the machine's for a file. */
  readonly now: () => Date;
  /** The keys that were sealed beside it. */
  readonly sealed: ReturnType<typeof findStoredKeys>;
  /** Reads all bytes, and holds them against the record; see proveKnown. */
  readonly prove: (keys: readonly NamedKey[]) => Promise<Snapshot>;
}

/** A snapshot in a store. */
export interface StoredSubject extends Subject {
  readonly uri: string;
  readonly known: KnownSnapshot;
}

/** A snapshot that passed, with all keys that it was proven with. */
export interface Proven<Of extends Subject> {
  readonly subject: Of;
  readonly keys: readonly NamedKey[];
  readonly snapshot: Snapshot;
}

/** The outcome of a whole proof; outputs are in it from the moment it passed, and not before. */
export interface ProofReport {
  /** The address or path of the snapshot, also where the latest was asked for. */
  name?: string;
  /** Name from the record; createdAt is from it too. */
  hostedCluster?: ObjectRef;
  createdAt?: string;
  /** The contents that were read from the bytes, also where something else is wrong. */
  contents?: Snapshot;

  /** Absent for a file, as is recordUri. */
  snapshotUri?: string;
  recordUri?: string;
  sizeBytes?: number;
  sha256?: string;
  revision?: number;
  /** Absent without a record, as is the Secret. */
  etcdVersion?: string;
  encryptionKeySecretName?: string;
}

interface ProofTerms {
  readonly pins: Pins;
  /** Absent: a snapshot of any age. */
  readonly maxAgeMs?: number;
  /** Those that the workflow itself gives. */
  readonly givenKeys: readonly NamedKey[];
  /** The keys to prove with: the given ones, or the sealed ones; with none, encrypted values are counted and not opened. */
  readonly takeKeys: (sealed: Subject["sealed"]) => Promise<readonly NamedKey[]>;
}

/**
 * Finds a stored snapshot and its record. Throws `pin-differs` for one in another folder, before the store is asked, and as
 * resolveSnapshot and readKnownSnapshot do.
 */
export async function findStoredSubject(
  wanted: SnapshotUri | LatestOf,
  store: LatestStore & Pick<SnapshotStore, "findObject">,
  {
    pins,
    allowUnrecorded,
    maxAgeMs,
    log,
    reading,
  }: {
    readonly pins: Pins;
    readonly allowUnrecorded: boolean;
    readonly maxAgeMs?: number;
    readonly log: Log;
    readonly reading: Pick<ProofOptions, "openSpool" | "signal" | "indexLive">;
  },
): Promise<StoredSubject> {
  const snapshot = await resolveSnapshot(wanted, store, { log, ...(maxAgeMs === undefined ? {} : { maxAgeMs }) });
  refuseOtherFolder(pins, snapshot);
  const known = await readKnownSnapshot(snapshot, store, { allowUnrecorded });
  return {
    name: formatSnapshotUri(snapshot),
    uri: formatSnapshotUri(snapshot),
    known,
    now: () => store.now(),
    ...(known.recorded === undefined ? {} : { recorded: known.recorded }),
    sealed: findStoredKeys(store, snapshot, known.recorded?.record),
    prove: (keys) => proveKnown(store, known, { keys, ...reading }),
  };
}

/**
 * The whole proof of a snapshot against its record: every page and value of it, and with a key what is encrypted. The
 * record is judged before the bytes are read, so that the alarm of an old snapshot is cheap; throws the first failure, each
 * with its own code.
 */
export async function proveWhole<Of extends Subject>(
  find: () => Promise<Of>,
  { pins, maxAgeMs, givenKeys, takeKeys }: ProofTerms,
  { log, report }: { readonly log: Log; readonly report: ProofReport },
): Promise<Proven<Of>> {
  const subject = await log.group("Record: see what is known of the snapshot", async () => {
    const found = await find();
    report.name = found.name;
    const { recorded } = found;
    if (recorded === undefined) log.info(`${found.name} has no record`);
    else {
      const { hostedCluster, createdAt, encryption } = recorded.record;
      refuseOtherCluster(pins, "record", hostedCluster);
      Object.assign(report, {
        hostedCluster: { namespace: hostedCluster.namespace, name: hostedCluster.name },
        createdAt,
      });
      const nowMs = found.now().getTime();
      log.info(`of ${hostedCluster.namespace}/${hostedCluster.name}; ${renderAge(createdAt, nowMs)}`);
      refuseOlder(createdAt, nowMs, maxAgeMs);
      refuseUnprovenBytes(recorded.record);
      refuseDivergedMembers(recorded.record);
      refuseOtherKeys(givenKeys, encryption);
    }
    return found;
  });
  const { recorded } = subject;
  const keys = await log.group("Key: take the one that is given, or open the sealed one", () =>
    takeKeys(subject.sealed),
  );
  // With the key, the bytes themselves are asked.
  if (keys.length === 0 && recorded !== undefined) refuseLostKeys(recorded.record);
  const snapshot = await log.group("Proof: read the snapshot whole, every page and value of it", async () => {
    const found = await subject.prove(keys);
    report.contents = found;
    log.info(`read ${String(found.sizeBytes)} bytes; SHA-256 ${found.sha256}`);
    log.info(`a whole etcd of revision ${String(found.revision)}, with ${String(found.liveKeys)} live keys`);
    for (const alarm of found.alarms) log.warning(describeAlarm(alarm));
    refuseClosedValues(found.encrypted, keys, recorded?.record.encryption);
    const { values, checked } = found.encrypted;
    log.info(`${String(values)} values are encrypted; the keys opened ${String(checked)} of them`);
    if (keys.length > 0 && checked === 0)
      log.warning("no value of the snapshot could be decrypted: whether the key is its key is not known");
    Object.assign(report, listOutputs(subject, found));
    return found;
  });
  return { subject, keys, snapshot };
}

function listOutputs({ uri: snapshotUri, recorded }: Subject, { sizeBytes, sha256, revision }: Snapshot): ProofReport {
  const secretName = recorded?.record.encryption.secretName;
  return {
    ...(snapshotUri === undefined ? {} : { snapshotUri }),
    ...(snapshotUri === undefined || recorded === undefined ? {} : { recordUri: recorded.recordUri }),
    sizeBytes,
    sha256,
    revision,
    ...(recorded === undefined ? {} : { etcdVersion: recorded.entry.etcdVersion }),
    ...(secretName === undefined ? {} : { encryptionKeySecretName: secretName }),
  };
}
