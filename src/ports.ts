import type { HostedCluster, HostedControlPlane } from "./hypershift/hosted-cluster.ts";
import type { Journal } from "./hypershift/journal.ts";
import type { Pod, Workload } from "./hypershift/workload.ts";

/** What the use cases need of the world. Every call throws ActionError, and ends with code `cancelled` when its signal aborts. */

export interface Clock {
  /** Milliseconds since the epoch, of this machine; used for durations, never for deadlines of the cluster. */
  nowMs(): number;
  /** Resolves after `ms`; rejects with code `cancelled` when `signal` aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A signal that aborts after `ms`. */
  timeout(ms: number): AbortSignal;
}

export interface Log {
  info(message: string): void;
  warning(message: string): void;
  debug(message: string): void;
  /** Prints what `run` logs under one heading. */
  group<T>(title: string, run: () => Promise<T>): Promise<T>;
}

export interface ObjectRef {
  readonly namespace: string;
  readonly name: string;
}

/** One thing the action will do, as SelfSubjectAccessReview asks for it. */
export interface Access {
  readonly verb: "get" | "list" | "patch" | "create" | "update";
  readonly group: "" | "apps" | "hypershift.openshift.io";
  /** Resource with its subresource: `deployments/scale`. */
  readonly resource: string;
  readonly namespace: string;
  /** Absent for verbs on a collection. */
  readonly name?: string;
}

export interface WriteOptions {
  /** Refuses with code `hold-conflict` when the object has another one. */
  readonly resourceVersion?: string;
  /** Validated by the API server, changes nothing. */
  readonly dryRun?: boolean;
}

export interface ExecOptions {
  readonly timeoutMs: number;
  /** Standard output is exactly this long, or the call fails; absent: at most 1 MiB. */
  readonly expectedBytes?: number;
}

export interface ExecResult {
  /** 0 for success; the command's own exit status. */
  readonly exitCode: number;
  readonly stdout: Buffer;
  /** The last 4 KiB. */
  readonly stderr: string;
}

/** The API server of the management cluster. Reads and idempotent writes are retried; see time-limits.ts. */
export interface ManagementCluster {
  /** The same cluster, whose calls end when `signal` aborts. */
  withSignal(signal: AbortSignal): ManagementCluster;
  /** The API server's clock, by its Date header: second precision. */
  readServerTime(): Promise<Date>;
  /** When the credentials of the kubeconfig end, as far as they say. */
  readonly credentialsExpireAt: Date | undefined;

  findHostedCluster(ref: ObjectRef): Promise<HostedCluster | undefined>;
  /** JSON merge patch of spec.pausedUntil and annotations; null removes a field. A 422 is code `cluster-refused`. */
  patchHostedCluster(
    ref: ObjectRef,
    patch: {
      readonly pausedUntil?: string | null;
      readonly annotations?: Readonly<Record<string, string | null>>;
    },
    options?: WriteOptions,
  ): Promise<HostedCluster>;
  findHostedControlPlane(ref: ObjectRef): Promise<HostedControlPlane | undefined>;

  findDeployment(ref: ObjectRef): Promise<Workload | undefined>;
  findStatefulSet(ref: ObjectRef): Promise<Workload | undefined>;
  /** Sets the scale subresource; wanted replicas, absolute. */
  scaleDeployment(ref: ObjectRef, replicas: number, options?: WriteOptions): Promise<void>;
  listPods(namespace: string, matchLabels: Readonly<Record<string, string>>): Promise<readonly Pod[]>;
  /** Decoded `data` of a Secret. */
  findSecret(ref: ObjectRef): Promise<Readonly<Record<string, Buffer>> | undefined>;

  /** Those of `accesses` that this user does not have, in the given order. */
  findDeniedAccesses(accesses: readonly Access[]): Promise<readonly Access[]>;

  /**
   * Runs `argv` in a container, without TTY and standard input; never retried.
   * Throws `exec-interrupted` when the connection ended without an exit status, stalled, timed out, the command was killed,
   * or standard output was not as long as expected; `exec-failed` when the command could not be started.
   */
  exec(
    pod: ObjectRef & { readonly container: string },
    argv: readonly string[],
    options: ExecOptions,
  ): Promise<ExecResult>;
}

export interface StoredObject {
  readonly sizeBytes: number;
  /** Absent in a bucket without versions. */
  readonly versionId?: string;
  /** User metadata, keys in lower case without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface Upload {
  readonly key: string;
  readonly id: string;
}

export interface OpenUpload extends Upload {
  /** By the store's clock; undefined where the store does not say. */
  readonly startedAt: Date | undefined;
}

/** An object as a listing shows it; of its versions the newest. */
export interface ListedObject {
  readonly key: string;
  /** By the store's clock; undefined where the store does not say. */
  readonly modifiedAt: Date | undefined;
}

export interface UploadedPart {
  /** From 1. */
  readonly number: number;
  readonly etag: string;
  /** What completion must repeat when the store was asked for checksums. */
  readonly checksum?: string;
}

/** One bucket of an S3-compatible object store. Calls are retried; see time-limits.ts. */
export interface SnapshotStore {
  withSignal(signal: AbortSignal): SnapshotStore;
  readonly bucket: string;
  /** When the credentials that sign URLs end; undefined when they do not say. */
  findCredentialsExpiry(): Promise<Date | undefined>;
  findObject(key: string): Promise<StoredObject | undefined>;
  /** One PUT with `If-None-Match: *`; throws `object-exists`. */
  putNewObject(
    key: string,
    body: Buffer,
    options: { readonly contentType: string; readonly metadata: Readonly<Record<string, string>> },
  ): Promise<{ readonly versionId?: string }>;
  startUpload(key: string, metadata: Readonly<Record<string, string>>): Promise<Upload>;
  uploadPart(upload: Upload, number: number, body: Buffer): Promise<UploadedPart>;
  /**
   * Completes with `If-None-Match: *` and looks at the object again: metadata and length must be this upload's.
   * A lost answer is decided by that look. Throws `object-exists` when the object is someone else's, `proof-failed` when
   * it has another length.
   */
  completeUpload(
    upload: Upload,
    parts: readonly UploadedPart[],
    expected: { readonly sizeBytes: number; readonly metadata: Readonly<Record<string, string>> },
  ): Promise<StoredObject>;
  /** True also when the upload is not there any more. */
  abortUpload(upload: Upload): Promise<void>;
  /** Objects whose key begins with `prefix`, a folder with its slash, in the order of their keys. */
  listObjects(prefix: string): Promise<readonly ListedObject[]>;
  /**
   * Open uploads of keys that begin with `prefix`, a key or a folder with its slash. Some stores list those of a key
   * only, and some none.
   */
  listUploads(prefix: string): Promise<readonly OpenUpload[]>;
  /** The object's bytes; throws `object-not-found`. */
  readObject(key: string, options?: { readonly versionId?: string }): AsyncIterable<Uint8Array>;
  deleteObject(key: string, options?: { readonly versionId?: string }): Promise<void>;
  /** A signed GET URL; nothing is asked of the store. */
  signUrl(key: string, options: { readonly expiresInSeconds: number; readonly versionId?: string }): Promise<string>;
  /** Tries a signed URL as curl would, with `Range: bytes=0-0`; returns the object's length. Throws `snapshot-url-rejected`. */
  tryUrl(url: string): Promise<number>;
}

/** The workflow runs of the repository that this run belongs to. */
export interface WorkflowRuns {
  /**
   * Whether an attempt of a run is over; undefined where that cannot be told: the run of another repository or server,
   * a run that is not known, or no answer. Throws nothing.
   */
  findRunState(run: Journal["run"]): Promise<"running" | "completed" | undefined>;
}
