import type { Replicas } from "../hold/journal.ts";
import type { HoldWorld } from "../hold/lock.ts";
import type { WriterName } from "../hypershift/hosted-cluster.ts";
import type { PreflightRequest, PreflightWorld } from "../preflight/preflight.ts";
import type { ManagementCluster, ObjectRef, SnapshotStore, WorkflowRun, WorkflowRuns } from "../ports.ts";
import type { History } from "../snapshots/history.ts";
import type { RunInfo } from "../snapshots/record.ts";
import type { RetentionPolicy } from "../snapshots/retention.ts";
import type { OpenSpool } from "../snapshots/spool.ts";

/** The parts of the world that a backup needs; `signal` aborts when the step is cancelled. */
export interface BackupWorld extends PreflightWorld, HoldWorld {
  readonly run: RunInfo & WorkflowRun;
  /** Undefined without a token: a journal is dead by its deadline alone. */
  readonly runs?: WorkflowRuns | undefined;
  /** Version of the action, for the record. */
  readonly version: string;
  /** Where a snapshot is kept while it is proven. */
  readonly openSpool: OpenSpool;
}

export interface BackupRequest extends PreflightRequest {
  readonly dryRun: boolean;
  readonly presign: boolean;
  readonly presignExpiresInSeconds: number;
  /** Absent: nothing is ever removed. */
  readonly retention?: RetentionPolicy;
}

/** The facts that have become true so far; outputs and summary are made of them, also of a run that failed. */
export interface BackupReport {
  /** `down`: stopped; `starting`: put back, and not yet seen to be ready. */
  apiServers: "never-stopped" | "down" | "starting" | "back";
  downWriters: readonly WriterName[];
  /** Pods of each writer that were ready before anything was stopped. */
  readyBefore?: Replicas;
  recovered: boolean;
  plan?: readonly (readonly [string, string])[];
  pausedAt?: string;
  resumedAt?: string;
  apiDowntimeSeconds?: number;
  snapshotUri?: string;
  recordUri?: string;
  /** The time in the record. */
  createdAt?: string;
  sha256?: string;
  sizeBytes?: number;
  revision?: number;
  etcdVersion?: string;
  /** The pods whose snapshots the record names. */
  capturedMembers?: readonly string[];
  /** Live keys by resource, and all of them. */
  contents?: Readonly<Record<string, number>>;
  liveKeys?: number;
  keysProven?: boolean;
  membersAgree?: boolean;
  encryptionKeySecretName?: string;
  /** The sealed file of keys. */
  encryptionKeyUri?: string;
  /** Secrets whose keys are beside no snapshot of this run. */
  keysToSave?: readonly ObjectRef[];
  /** The signing key was to be sealed, and could not be read. */
  unsealedSigningKey?: { readonly secretName: string; readonly reason: string };
  /** Addresses of what is no backup and could not be removed. */
  leftInStore?: readonly string[];
  presignedUrl?: string;
  presignedUrlExpiresAt?: string;
  /** Of the newest proven snapshot before this one. */
  previousAgeSeconds?: number;
  history?: History;
  /** The outcome of the retention, a line each. */
  retention?: readonly string[];
}

/** Notes in the report what has just become true. */
export type Note = (facts: Partial<BackupReport>) => void;

export function createReport(): BackupReport {
  return { apiServers: "never-stopped", downWriters: [], recovered: false };
}

/** The same world, whose calls end when `signal` aborts. */
export function bindSignal<World extends { readonly cluster: ManagementCluster; readonly store: SnapshotStore }>(
  world: World,
  signal: AbortSignal,
): World & { readonly signal: AbortSignal } {
  return { ...world, signal, cluster: world.cluster.withSignal(signal), store: world.store.withSignal(signal) };
}

/** A duration, for people. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
