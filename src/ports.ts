import type { ExecOptions, ExecResult } from "./ports/exec.ts";
import type { HostedCluster, HostedControlPlane } from "./hypershift/hosted-cluster.ts";
import type { Pod, Workload } from "./hypershift/workload.ts";
import type { OwnPods } from "./ports/own-pods.ts";

/**
 * The parts of the world that the use cases need. Every call throws ActionError, and ends with code `cancelled` when
 * its signal aborts.
 */

export interface Clock {
  /**
   * Milliseconds since the epoch, of this machine; used for durations, never for deadlines of the cluster. It does not jump
   * when somebody sets the time, and stands still while the machine is suspended.
   */
  nowMs(): number;
  /** Milliseconds since the epoch by the time that is set on this machine: it jumps, and goes on through a suspend. */
  wallMs(): number;
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
  readonly verb: "get" | "list" | "patch" | "create" | "update" | "delete";
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
  /** Sent once and never again: for an order that must not act when its reason may be over. */
  readonly once?: boolean;
}

/** An object as one answer carried it, and the API server's clock at that answer: second precision. */
export type Answered<T> = T & { readonly answeredAt: Date };

/** JSON merge patch of spec.pausedUntil and annotations; null removes a field. */
export interface HostedClusterPatch {
  readonly pausedUntil?: string | null;
  readonly annotations?: Readonly<Record<string, string | null>>;
}

/** The API server of the management cluster. Reads and idempotent writes are retried; see time-limits.ts. */
export interface ManagementCluster extends OwnPods {
  /** The same cluster, whose calls end when `signal` aborts. */
  withSignal(signal: AbortSignal): ManagementCluster;
  /** The API server's clock, by its Date header: second precision. */
  readServerTime(): Promise<Date>;
  /** When the credentials of the kubeconfig end, as far as they say. */
  readonly credentialsExpireAt: Date | undefined;

  findHostedCluster(ref: ObjectRef): Promise<Answered<HostedCluster> | undefined>;
  /** A 422 is code `cluster-refused`. */
  patchHostedCluster(
    ref: ObjectRef,
    patch: HostedClusterPatch,
    options?: WriteOptions,
  ): Promise<Answered<HostedCluster>>;
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
   * Runs `argv` in a container, without TTY; never retried.
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

export interface ByteRange {
  readonly offset: number;
  readonly lengthBytes: number;
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
  /** Undefined where the store does not say. */
  readonly sizeBytes: number | undefined;
  /** By the store's clock; undefined where the store does not say. */
  readonly modifiedAt: Date | undefined;
}

export interface UploadedPart {
  /** From 1. */
  readonly number: number;
  readonly etag: string;
  /** The checksum that completion must repeat when the store was asked for checksums. */
  readonly checksum?: string;
}

/** One bucket of an S3-compatible object store. Calls are retried; see time-limits.ts. */
export interface SnapshotStore {
  withSignal(signal: AbortSignal): SnapshotStore;
  readonly bucket: string;
  /** The time by the store's clock, as its last answer told it; this machine's where none did. */
  now(): Date;
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
  /**
   * Tries how the store completes an upload, with `If-None-Match: *` and a part that was never sent, so that it cannot: a
   * store that does not know the header gets none from then on. Throws where it may not complete uploads.
   */
  rehearseCompletion(upload: Upload): Promise<void>;
  /** True also when the upload is not there any more. */
  abortUpload(upload: Upload): Promise<void>;
  /**
   * All objects whose key begins with `prefix`, a folder with its slash, in the order of their keys. Throws where the store
   * does not give the whole listing.
   */
  listObjects(prefix: string): Promise<readonly ListedObject[]>;
  /**
   * Open uploads of keys that begin with `prefix`, a key or a folder with its slash. Some stores list those of a key
   * only, and some none.
   */
  listUploads(prefix: string): Promise<readonly OpenUpload[]>;
  /** The object's bytes, or those of a range, which may end before it does; throws `object-not-found`. */
  readObject(
    key: string,
    options?: { readonly versionId?: string; readonly range?: ByteRange },
  ): AsyncIterable<Uint8Array>;
  /**
   * How many versions of an object there are or were, delete markers counted; 0 where the store knows no versions and
   * there is no object. Throws `store-access-denied` where they may not be listed.
   */
  countVersions(key: string): Promise<number>;
  /** Never names a version: in a bucket with versions a marker hides the object, and can be taken away again. */
  deleteObject(key: string): Promise<void>;
  /** A signed GET URL; nothing is asked of the store. */
  signUrl(key: string, options: { readonly expiresInSeconds: number; readonly versionId?: string }): Promise<string>;
  /** Tries a signed URL as curl would, with `Range: bytes=0-0`; returns the object's length. Throws `snapshot-url-rejected`. */
  tryUrl(url: string): Promise<number>;
}

/** One attempt of a workflow run; empty texts where nobody said. */
export interface WorkflowRun {
  readonly repository: string;
  readonly runId: string;
  readonly runAttempt: string;
  readonly url: string;
  /** RUNNER_NAME: tells the jobs of one run apart. Journals of older versions have none. */
  readonly runner?: string;
}

/** The workflow runs of the repository that this run belongs to. */
export interface WorkflowRuns {
  /**
   * Tells whether an attempt of a run is over; undefined where that cannot be told: the run of another repository or
   * server, a run that is not known, or no answer. Throws nothing.
   */
  findRunState(run: WorkflowRun): Promise<"running" | "completed" | undefined>;
}

/** The comments of the pull request that started this workflow. */
export interface Comments {
  /**
   * Writes the one comment that begins with `marker`, in place of the one that is there. `body` begins with it. Throws
   * nothing: what keeps it from being written is a warning.
   */
  write(marker: string, body: string): Promise<void>;
}
