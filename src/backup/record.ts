import { ActionError, describeError } from "../errors.ts";
import type { Encryption } from "../encryption/secret.ts";
import type { SigningKey } from "../encryption/signing-key.ts";
import { figuresOf } from "../etcd/figures.ts";
import { predictCluster, type PredictedCluster } from "../etcd/prediction.ts";
import type { SnapshotDigests } from "../etcd/snapshot-digest.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import { restoredPeers } from "../hypershift/etcd-peers.ts";
import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Member } from "../pod/member.ts";
import type { SavedSnapshot } from "../pod/save.ts";
import type { Clock, Log, SnapshotStore, StoredObject } from "../ports.ts";
import { formatSnapshotUri, recordKey, type SnapshotRun, type StoredSnapshot } from "../snapshots/location.ts";
import {
  renderRecord,
  type EncryptionEntry,
  type RunInfo,
  type SnapshotEntry,
  type SnapshotRecord,
} from "../snapshots/record.ts";
import { formatTime } from "../time.ts";
import type { MembersVerdict } from "./members.ts";
import { putAndRead, type SmallObject } from "./small-object.ts";
import type { SealedKeys } from "./sealed-keys.ts";
import type { KeysVerdict } from "./verdict.ts";

/** A snapshot that passed its proof. */
export interface ProvenSnapshot {
  readonly member: Member;
  readonly key: string;
  readonly saved: SavedSnapshot;
  readonly object: StoredObject;
  readonly digests: SnapshotDigests;
  /** The snapshot as it was read back. */
  readonly snapshot: Snapshot;
  readonly keys: KeysVerdict;
}

export function storedAs({ key, object }: Pick<ProvenSnapshot, "key" | "object">): StoredSnapshot {
  return { key, sizeBytes: object.sizeBytes, ...present({ versionId: object.versionId }) };
}

/** The snapshot of the highest revision is the one that outputs name. Throws where there is none. */
export function findNewest(snapshots: readonly ProvenSnapshot[]): ProvenSnapshot {
  return snapshots.reduce((a, b) => (b.saved.revision > a.saved.revision ? b : a));
}

export function describeOutputs({ snapshots, compared, createdAt, sealed }: RecordFacts, bucket: string) {
  const { key, member, snapshot } = findNewest(snapshots);
  const { sha256, sizeBytes, revision, contents, liveSet } = figuresOf(snapshot);
  return {
    ...{ snapshotUri: formatSnapshotUri({ bucket, key }), sha256, sizeBytes, revision, etcdVersion: member.version },
    ...{ createdAt: formatTime(createdAt), contents, liveKeys: liveSet.keys },
    ...{ capturedMembers: snapshots.map((each) => each.member.pod) },
    ...present({
      keysProven: combineKeys(snapshots),
      membersAgree: compared.membersAgree,
      encryptionKeyUri: sealed?.uri,
    }),
  };
}

/** All that a record tells. */
export interface RecordFacts {
  readonly run: SnapshotRun;
  readonly workflow: RunInfo;
  readonly version: string;
  readonly createdAt: Date;
  readonly hostedCluster: HostedCluster;
  readonly members: readonly Member[];
  readonly encryption: Encryption;
  readonly signingKey: SigningKey;
  /** Absent where no keys were sealed. */
  readonly sealed?: SealedKeys | undefined;
  readonly snapshots: readonly ProvenSnapshot[];
  readonly compared: MembersVerdict;
  /** `pausedAt` is absent for an online backup. */
  readonly times: {
    readonly pausedAt?: string | undefined;
    readonly resumedAt?: string | undefined;
    readonly apiDowntimeSeconds?: number | undefined;
  };
}

interface RecordWorld {
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Writes the record beside snapshots that passed their proof, and reads it back: from then on the snapshots exist. It is
 * one small request that a cancelled run still makes, since a cluster that does not come back needs its snapshot most.
 * A record that is damaged is removed (`proof-failed`), and so is one where `assertNotTaken` finds that somebody took this
 * run for dead (`hold-lost`). A recovery that starts after that look sees the record. Returns its URI.
 */
export async function writeRecord(
  world: RecordWorld,
  facts: RecordFacts,
  assertNotTaken: () => Promise<void>,
): Promise<string> {
  await assertNotTaken();
  const { bucket } = world.store;
  const key = recordKey(facts.run);
  const uri = formatSnapshotUri({ bucket, key });
  const body = renderRecord(describe(facts, bucket));
  const record: SmallObject = { name: "the record", key, body, contentType: "application/json" };
  const { store, stored } = await putAndRead(world, record, facts.run.nonce);
  try {
    if (!stored.equals(body))
      throw new ActionError("proof-failed", `the record ${uri}, read back, is not what was written`, {
        hint: "do not trust this store before its operator has found out why",
      });
    await assertNotTaken();
  } catch (error) {
    await store.deleteObject(key).catch((failed: unknown) => {
      world.log.warning(
        `the record ${uri}, which says what is not so, stayed (${describeError(failed).code}); remove it`,
      );
    });
    throw error;
  }
  return uri;
}

function describe(facts: RecordFacts, bucket: string): SnapshotRecord {
  const { hostedCluster, times, run } = facts;
  const { contents, liveSet, prediction, proofs } = figuresOf(findNewest(facts.snapshots).snapshot);
  const controlPlane = controlPlaneNamespace(hostedCluster.namespace, hostedCluster.name);
  const { repository, workflow, runId, runAttempt, url } = facts.workflow;
  return {
    schemaVersion: 1,
    createdAt: formatTime(facts.createdAt),
    nonce: run.nonce,
    action: { version: facts.version },
    run: { repository, workflow, runId, runAttempt, url },
    hostedCluster: {
      namespace: hostedCluster.namespace,
      name: hostedCluster.name,
      uid: hostedCluster.uid,
      controlPlaneNamespace: controlPlane,
      ...present({
        infraID: hostedCluster.infraID,
        clusterID: hostedCluster.clusterID,
        baseDomain: hostedCluster.baseDomain,
        platform: hostedCluster.platform,
        releaseImage: hostedCluster.releaseImage,
        releaseVersion: hostedCluster.releaseVersion,
        availabilityPolicy: hostedCluster.availabilityPolicy,
      }),
      services: hostedCluster.services,
    },
    quiesced: times.pausedAt !== undefined,
    ...present({
      apiDowntimeSeconds: times.apiDowntimeSeconds,
      pausedAt: times.pausedAt,
      resumedAt: times.resumedAt,
    }),
    snapshots: facts.snapshots.map((snapshot) => describeSnapshot(snapshot, facts.compared, bucket)),
    members: facts.members.map(({ pod, id, revision }) => ({
      name: pod,
      id,
      revision,
      ...present({ hashKV: facts.compared.hashes.get(id) }),
    })),
    ...present({
      issuerURL: hostedCluster.issuerURL,
      networking: hostedCluster.networking,
      serviceAccountSigningKey: describeSigningKey(facts),
    }),
    encryption: describeEncryption(facts),
    contents,
    liveSet,
    prediction: { ...prediction, members: predictMembers(controlPlane) },
    proofs: {
      ...proofs,
      readBack: true,
      ...present({
        keysProven: combineKeys(facts.snapshots),
        membersAgree: facts.compared.membersAgree,
      }),
    },
  };
}

/** The ids after a restore, by the number of replicas that a hosted cluster can have. */
function predictMembers(controlPlane: string): Readonly<Record<string, PredictedCluster>> {
  return Object.fromEntries(
    [1, 3].map((replicas) => {
      const { members, token } = restoredPeers(controlPlane, replicas);
      return [String(replicas), predictCluster(members, token)];
    }),
  );
}

/** False where they are for one, undefined where that is not known of one. */
function combineKeys(snapshots: readonly ProvenSnapshot[]): boolean | undefined {
  const proofs = snapshots.map(({ keys }) => keys.keysProven);
  if (proofs.includes(false)) return false;
  return proofs.includes(undefined) ? undefined : true;
}

function describeSnapshot(
  { member, key, object, snapshot }: ProvenSnapshot,
  compared: MembersVerdict,
  bucket: string,
): SnapshotEntry {
  const { sizeBytes, sha256, revision, entries, liveKeys, hash, storageVersion, ...figures } = figuresOf(snapshot);
  // Where the members were asked, the record has the hash that they answered.
  const hashKV = compared.files.get(key) ?? figures.hashKV;
  return {
    uri: formatSnapshotUri({ bucket, key }),
    ...present({ versionId: object.versionId, storageVersion }),
    ...{ sizeBytes, sha256, revision, entries, liveKeys, hash, hashKV },
    etcdVersion: member.version,
    member: { name: member.pod, id: member.id },
    clusterId: member.clusterId,
  };
}

/** The fingerprints of the keys, and where a KMS has them; their bytes go nowhere but into the sealed file. */
function describeEncryption({ encryption, snapshots, sealed }: RecordFacts): EncryptionEntry {
  const { type, secret, keys, kms } = encryption;
  const beside = sealed && { sealedKeyUri: sealed.uri, sealedKeySha256: sealed.sha256, recipients: sealed.recipients };
  if (secret === undefined) return { type, ...present({ kms }), ...beside };
  return {
    type,
    secretName: secret.name,
    secretNamespace: secret.namespace,
    keys: keys.map(({ name, sha256, role }) => ({ name, sha256, role })),
    ...beside,
    valuesChecked: findNewest(snapshots).snapshot.encrypted.checked,
  };
}

/** The fingerprint stands there where the key was sealed, too. */
function describeSigningKey({ signingKey, sealed }: RecordFacts): SnapshotRecord["serviceAccountSigningKey"] {
  if (signingKey.origin === "hypershift") return undefined;
  const { secret, read } = signingKey;
  const isSealed = sealed !== undefined && "sha256" in read;
  return { secretName: secret.name, ...(isSealed ? { sha256: read.sha256 } : {}) };
}

/** `fields` without those that are not known. */
function present<T extends Record<string, unknown>>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
