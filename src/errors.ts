/** Every way the action can fail, as a user sees it; each has a section in docs/errors.md. */
export type ErrorCode =
  // The user's input
  | "input-missing"
  | "input-invalid"
  | "input-unknown"
  | "inputs-invalid"
  | "kubeconfig-invalid"
  | "kubeconfig-refused"
  | "kubeconfig-expires"
  // The management cluster
  | "cluster-unreachable"
  | "cluster-unauthorized"
  | "cluster-refused"
  | "permission-missing"
  | "exec-interrupted"
  | "exec-failed"
  // The hosted cluster, before anything is changed
  | "hosted-cluster-not-found"
  | "hosted-cluster-unsuitable"
  | "hosted-cluster-paused"
  | "hosted-cluster-held"
  | "journal-unreadable"
  | "etcd-unmanaged"
  | "etcd-unhealthy"
  | "etcd-tools-missing"
  | "space-missing"
  | "writers-not-ready"
  | "encryption-key-missing"
  | "encryption-key-invalid"
  | "encryption-key-rotating"
  | "preflight-failed"
  // Hold, capture, transfer, proof
  | "hold-conflict"
  | "pause-not-confirmed"
  | "writers-not-stopped"
  | "hold-lost"
  | "release-failed"
  | "leftovers-remain"
  | "snapshot-failed"
  | "snapshot-not-opened"
  | "snapshot-invalid"
  | "snapshot-trailer-missing"
  | "encryption-key-unproven"
  | "transfer-failed"
  | "proof-failed"
  // The store
  | "store-unreachable"
  | "store-credentials-missing"
  | "store-credentials-rejected"
  | "store-credentials-expired"
  | "store-access-denied"
  | "store-wrong-region"
  | "store-refused"
  | "bucket-not-found"
  | "object-not-found"
  | "object-unreadable"
  | "object-exists"
  // Restore
  | "snapshot-missing"
  | "snapshot-stale"
  | "clusters-mixed"
  | "record-missing"
  | "record-invalid"
  | "snapshot-changed"
  | "manifest-invalid"
  | "manifest-unsuitable"
  | "hosted-cluster-differs"
  | "pin-differs"
  | "release-older"
  | "release-cannot-restore"
  | "restore-retry-unsafe"
  | "etcd-would-split"
  | "etcd-older"
  | "volume-too-small"
  | "etcd-over-quota"
  | "members-diverged"
  | "keys-unproven"
  | "snapshot-online"
  | "snapshot-rescued"
  | "snapshot-too-old"
  | "restore-refused"
  | "encryption-key-mismatch"
  | "encryption-type-mismatch"
  | "sealed-key-missing"
  | "sealed-key-invalid"
  | "sealed-key-differs"
  | "age-identity-mismatch"
  | "snapshot-url-too-long"
  | "snapshot-url-not-https"
  | "snapshot-url-rejected"
  | "snapshot-url-expires"
  | "output-refused"
  // The cluster after a restore
  | "restore-unfinished"
  | "etcd-not-restored"
  | "etcd-split"
  | "restore-differs"
  // A restore drill
  | "drill-running"
  | "pod-refused"
  | "drill-pod-unschedulable"
  | "drill-image-missing"
  | "drill-pod-not-started"
  | "drill-pod-lost"
  | "drill-timeout"
  | "drill-url-unreachable"
  | "drill-url-untrusted"
  | "drill-url-refused"
  | "drill-disk-full"
  | "drill-restore-failed"
  | "drill-etcd-failed"
  | "drill-differs"
  | "drill-secrets-unreadable"
  // Everything else
  | "cancelled"
  | "runner-unsuitable"
  | "runner-unwritable"
  | "runner-full"
  | "output-malformed"
  | "internal";

/** Refusals of a restore that are judgements: `allow-unsafe-restore` may accept them, each by its code. */
export const acceptableCodes = [
  "release-cannot-restore",
  "etcd-would-split",
  "members-diverged",
  "keys-unproven",
  "snapshot-too-old",
  "volume-too-small",
  "etcd-over-quota",
] as const satisfies readonly ErrorCode[];

export interface ErrorDetails {
  /** The thing that the user changes so that it works: an input, a permission, a command. */
  readonly hint?: string;
  /** The error that was caught; never shown, since messages of SDKs carry bodies and headers. */
  readonly cause?: unknown;
}

/** A failure in the user's words: `message` says what was tried on which object. */
export class ActionError extends Error {
  override readonly name = "ActionError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** `error` as an ActionError; what is none became one without a word of its own message, which may hold secrets. */
export function describeError(error: unknown): ActionError {
  if (error instanceof ActionError) return error;
  const kind = error instanceof Error ? error.name : typeof error;
  return new ActionError("internal", `an unexpected ${kind} was thrown`, {
    hint: "run again with debug logging switched on and report what it prints",
    cause: error,
  });
}

/** True for a failure with one of `codes`. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is ActionError {
  return error instanceof ActionError && codes.includes(error.code);
}
