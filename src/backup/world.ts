import type { WriterName } from "../hypershift/hosted-cluster.ts";
import type { Journal } from "../hypershift/journal.ts";
import type { Clock, Log, ManagementCluster, ObjectRef, SnapshotStore, WorkflowRuns } from "../ports.ts";
import type { RunInfo } from "../snapshot/record.ts";

/** What a backup needs of the world; `signal` aborts when the step is cancelled. */
export interface BackupWorld {
  readonly cluster: ManagementCluster;
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly run: RunInfo;
  /** Undefined without a token; see RecoveryWorld. */
  readonly runs?: WorkflowRuns | undefined;
  /** Of the action, for the record. */
  readonly version: string;
  /** Called before each patch of the journal, so that the post step knows what to put back. */
  readonly saveJournal: (journal: Journal) => void;
  /** Called with a secret before anything could print it. */
  readonly onSecret: (value: string | Buffer) => void;
}

export interface BackupRequest {
  readonly hostedCluster: ObjectRef;
  readonly prefix: string;
  readonly quiesce: boolean;
  readonly maxPauseMs: number;
  readonly allowUnhealthy: boolean;
  readonly dryRun: boolean;
  readonly presign: boolean;
  readonly presignExpiresInSeconds: number;
}

/** What has become true so far; outputs and summary are made of it, also of a run that failed. */
export interface BackupReport {
  /** `down`: stopped; `starting`: put back, and not yet seen to be ready. */
  apiServers: "never-stopped" | "down" | "starting" | "back";
  downWriters: readonly WriterName[];
  recovered: boolean;
  plan?: readonly (readonly [string, string])[];
  pausedAt?: string;
  resumedAt?: string;
  apiDowntimeSeconds?: number;
  snapshotUri?: string;
  recordUri?: string;
  sha256?: string;
  sizeBytes?: number;
  revision?: number;
  etcdVersion?: string;
  encryptionKeySecretName?: string;
  presignedUrl?: string;
  presignedUrlExpiresAt?: string;
}

export function createReport(): BackupReport {
  return { apiServers: "never-stopped", downWriters: [], recovered: false };
}
