import { ActionError } from "../errors.ts";
import { at, listAt, numberAt, stringAt } from "../hypershift/json-path.ts";

/** Where and in which run a backup was made. */
export interface RunInfo {
  readonly repository: string;
  readonly workflow: string;
  readonly runId: string;
  readonly runAttempt: string;
  readonly url: string;
}

export interface SnapshotEntry {
  readonly uri: string;
  readonly versionId?: string;
  readonly sizeBytes: number;
  /** Of the whole file, lower-case hex. */
  readonly sha256: string;
  readonly revision: number;
  /** What etcdctl up to 3.5 calls total keys: entries of every bucket. */
  readonly entries?: number;
  /** What etcdutl 3.6 calls total keys. */
  readonly liveKeys?: number;
  /** The 8 hex digits that `snapshot status` prints. */
  readonly hash: string;
  readonly hashKV?: { readonly revision: number; readonly compactRevision: number; readonly hash: number };
  readonly etcdVersion: string;
  readonly storageVersion?: string;
  readonly member: { readonly name: string; readonly id: string };
  readonly clusterId: string;
}

export interface EncryptionEntry {
  readonly type: "aescbc" | "kms" | "none";
  readonly secretName?: string;
  readonly secretNamespace?: string;
  /** `name` is the one in EncryptionConfiguration, `sha256` that of the raw 32 bytes. */
  readonly keys?: readonly { readonly name: string; readonly sha256: string; readonly role: "active" | "backup" }[];
}

/** The JSON beside a snapshot; a snapshot without it does not exist for a reader. Schema: docs/record.schema.json. */
export interface SnapshotRecord {
  readonly schemaVersion: 1;
  readonly createdAt: string;
  readonly nonce: string;
  readonly action: { readonly version: string };
  readonly run: RunInfo;
  readonly hostedCluster: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly controlPlaneNamespace: string;
    readonly infraID?: string;
    readonly clusterID?: string;
    readonly baseDomain?: string;
    readonly platform?: string;
    readonly releaseImage?: string;
    readonly releaseVersion?: string;
    readonly availabilityPolicy?: string;
    readonly services: readonly { readonly service: string; readonly hostname?: string }[];
  };
  readonly quiesced: boolean;
  readonly apiDowntimeSeconds?: number;
  readonly pausedAt?: string;
  readonly resumedAt?: string;
  readonly snapshots: readonly SnapshotEntry[];
  readonly members: readonly {
    readonly name: string;
    readonly id: string;
    readonly revision: number;
    readonly hashKV?: number;
  }[];
  readonly issuerURL?: string;
  readonly networking?: unknown;
  readonly encryption: EncryptionEntry;
  readonly proofs: { readonly trailer: boolean; readonly readBack: boolean };
}

export function renderRecord(record: SnapshotRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
}

/**
 * Reads a record; fields that it does not know are kept.
 * Throws `record-invalid` for what is no record, has another schemaVersion, or lacks what a restore needs.
 */
export function parseRecord(text: string, uri: string): SnapshotRecord {
  const invalid = (problem: string): ActionError =>
    new ActionError("record-invalid", `the record ${uri} ${problem}`, {
      hint: "restore from another snapshot, or use the version of the action that wrote this record",
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("is no JSON");
  }
  const version = at(value, "schemaVersion");
  if (version !== 1)
    throw invalid(
      typeof version === "number"
        ? `has schemaVersion ${String(version)}; this version reads 1`
        : "has no schemaVersion",
    );
  const snapshots = listAt(value, "snapshots");
  const whole =
    stringAt(value, "nonce") !== undefined &&
    stringAt(value, "createdAt") !== undefined &&
    stringAt(value, "hostedCluster", "name") !== undefined &&
    stringAt(value, "hostedCluster", "namespace") !== undefined &&
    snapshots.length > 0 &&
    snapshots.every(
      (snapshot) =>
        stringAt(snapshot, "uri") !== undefined &&
        /^[0-9a-f]{64}$/.test(stringAt(snapshot, "sha256") ?? "") &&
        (numberAt(snapshot, "sizeBytes") ?? 0) > 0 &&
        numberAt(snapshot, "revision") !== undefined &&
        stringAt(snapshot, "etcdVersion") !== undefined,
    ) &&
    ["aescbc", "kms", "none"].includes(stringAt(value, "encryption", "type") ?? "") &&
    listAt(value, "encryption", "keys").every(
      (key) => stringAt(key, "name") !== undefined && /^[0-9a-f]{64}$/.test(stringAt(key, "sha256") ?? ""),
    );
  if (!whole) throw invalid("lacks fields that a restore needs");
  return value as SnapshotRecord;
}
