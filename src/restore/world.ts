import type { Environment } from "../allowed-path.ts";
import type { Log, ManagementCluster, ObjectRef, SnapshotStore } from "../ports.ts";
import type { ErrorCode } from "../errors.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import type { DrillRecord } from "../snapshots/drill-record.ts";
import type { LatestOf, LatestStore } from "../snapshots/latest.ts";
import type { SnapshotUri } from "../snapshots/location.ts";
import type { OpenSpool } from "../snapshots/spool.ts";
import type { Pins } from "../snapshots/pins.ts";
import type { SnapshotRecord } from "../snapshots/record.ts";
import type { Finding } from "./findings.ts";
import type { OwnFile } from "./output-file.ts";

/** The parts of the world that the rendering of a restore needs; it writes nothing to the store. */
export interface RestoreWorld {
  readonly store: LatestStore & Pick<SnapshotStore, "findObject" | "findCredentialsExpiry" | "signUrl" | "tryUrl">;
  /** The management cluster in which the snapshot's cluster lives; absent where none is given. */
  readonly cluster?: Pick<ManagementCluster, "findHostedCluster" | "findSecret">;
  readonly log: Log;
  readonly openSpool: OpenSpool;
  /** Ends the proof; the calls of the store end by their own. */
  readonly signal: AbortSignal;
  readonly environment: Environment;
  /** Called with a secret before anything could print it: a signed URL, or the bytes of a key. */
  readonly onSecret: (value: string | Buffer) => void;
  /** Called with the files that are about to get the key: the post step of a run that was killed removes them. */
  readonly remember: (files: readonly OwnFile[]) => void;
}

export interface RestoreRequest {
  readonly snapshot: SnapshotUri | LatestOf;
  /** A file, relative to GITHUB_WORKSPACE. */
  readonly manifest: string;
  /** A file that does not exist yet; absent: one under RUNNER_TEMP. */
  readonly output?: string;
  /** The raw bytes, at most two; empty where nothing is encrypted, or where the manifest has the right keys already. */
  readonly encryptionKeys: readonly Buffer[];
  /** Private keys of age, for the keys that are sealed beside the snapshot; not used where `encryptionKeys` has all. */
  readonly identities: readonly string[];
  readonly presignExpiresInSeconds: number;
  readonly pins: Pins;
  /** Absent: a snapshot of any age. */
  readonly maxAgeMs?: number;
  readonly allowUnrecorded: boolean;
  /** Codes of findings that do not stop the restore. */
  readonly allowUnsafeRestore: readonly ErrorCode[];
}

/** The outcome of a restore: what it found as soon as it is known, the rest of one that was rendered. */
export interface RestoreReport extends Partial<RestoreResult> {
  findings: readonly Finding[];
  /** Name from the manifest. */
  hostedCluster?: ObjectRef;
  /** The address, also where the latest was asked for. */
  snapshot?: SnapshotUri;
  /** The record that is known of the snapshot. */
  record?: SnapshotRecord;
  /** The newest drill of the snapshot, where there was one. */
  drill?: DrillRecord;
  /** The contents that were read from the bytes. */
  contents?: Snapshot;
}

export function createRestoreReport(): RestoreReport {
  return { findings: [] };
}

/** The rendered restore; outputs and summary are made of it. */
export interface RestoreResult {
  readonly snapshotUri: string;
  /** Absent for a snapshot without a record, as is etcdVersion. */
  readonly recordUri?: string;
  /** Size of the snapshot; the fields down to etcdVersion are of the snapshot too. */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly revision: number;
  readonly etcdVersion?: string;
  /** Name of the Secret with the active key; absent where the snapshot is not encrypted with `aescbc`. */
  readonly encryptionKeySecretName?: string;
  /** Secret. */
  readonly presignedUrl: string;
  readonly presignedUrlExpiresAt: string;
  /** Absolute path. */
  readonly renderedManifest: string;
}
