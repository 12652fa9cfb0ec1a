import { ActionError } from "../errors.ts";
import { mayPause } from "../hypershift/pause.ts";
import type { HostedCluster, WriterName } from "../hypershift/hosted-cluster.ts";
import type { Answered, ObjectRef, WorkflowRun } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { formatTime } from "../time.ts";
import { describableRun, findJournal, renderReadable, type Journal, type Replicas } from "./journal.ts";

/** A deployment that writes to etcd, as it is to be put back. */
export interface Writer {
  readonly name: WriterName;
  readonly replicas: number;
  /** Before anything was stopped: fewer than wanted only with `allow-unhealthy`. */
  readonly readyReplicas: number;
  readonly gracePeriodSeconds: number;
  readonly matchLabels: Readonly<Record<string, string>>;
}

/** The objects that a run takes hold of, and on which terms. */
export interface HoldTerms {
  readonly nonce: string;
  /** By the API server's clock. */
  readonly acquired: Date;
  readonly run: WorkflowRun;
  /** The hosted cluster as preflight approved it. */
  readonly hostedCluster: HostedCluster;
  /** Pods whose etcd is captured. */
  readonly members: readonly string[];
  /** Undefined for a lock alone, which stops nothing. */
  readonly pause:
    { readonly holdMs: number; readonly maxPauseMs: number; readonly writers: readonly Writer[] } | undefined;
}

/** How long a hold lasts, in all, and until it must be renewed. */
export function spanOf({ acquired, pause }: HoldTerms): { readonly spanMs: number; readonly lastMs: number } {
  return pause === undefined
    ? { spanMs: limits.lockMs, lastMs: Infinity }
    : { spanMs: pause.holdMs, lastMs: acquired.getTime() + pause.maxPauseMs };
}

/**
 * The first journal of a hold, and its text, for a hosted cluster as an answer shows it. Throws `hold-conflict` where it is
 * not what preflight approved any more, or somebody else's.
 */
export function firstJournal(
  terms: HoldTerms,
  current: Answered<HostedCluster>,
): { readonly journal: Journal; readonly text: string } {
  const { acquired, hostedCluster: ref, pause } = terms;
  const now = current.answeredAt;
  refuseOthers(terms, current);
  const { spanMs, lastMs } = spanOf(terms);
  const lastDeadlineMs = Math.min(lastMs, now.getTime() + (pause?.maxPauseMs ?? Infinity));
  const journal: Journal = {
    v: 1,
    nonce: terms.nonce,
    run: describableRun(terms.run),
    acquired: formatTime(acquired),
    deadline: formatTime(new Date(Math.min(now.getTime() + spanMs, lastDeadlineMs))),
    phase: pause === undefined ? "capture" : "hold",
    // A lock alone changes no pause: somebody else's is not for it to put back.
    original: { pausedUntil: (pause && current.pausedUntil) ?? null, replicas: originalReplicas(pause?.writers ?? []) },
    members: terms.members,
  };
  if (acquired.getTime() > now.getTime() + limits.serverClocksApartMs || journal.acquired > journal.deadline)
    throw conflict(ref, {
      how: `cannot be held: the API server answered at ${formatTime(acquired)}, and later at ${formatTime(now)}`,
      hint: "set the clocks of the management cluster's API servers: deadlines go by them; nothing was changed",
    });
  return { journal, text: renderReadable(journal, now) };
}

function originalReplicas(writers: readonly Writer[]): Replicas {
  return Object.fromEntries(writers.map(({ name, replicas }) => [name, replicas]));
}

function refuseOthers({ hostedCluster: approved, pause }: HoldTerms, current: Answered<HostedCluster>): void {
  const owner = findJournal(current, current.answeredAt);
  const isOthers = pause !== undefined && mayPause(current.pausedUntil, current.answeredAt);
  if (owner !== undefined || isOthers)
    throw conflict(approved, {
      how: "was taken by someone else a moment ago",
      hint: `wait for ${owner?.run.url || "them"} to end${owner === undefined ? "" : `, or until ${owner.deadline}`}, then run again; nothing was changed`,
    });
  const changed = approvedFields.filter((field) => JSON.stringify(approved[field]) !== JSON.stringify(current[field]));
  if (changed.length > 0)
    throw conflict(approved, {
      how: `is not what preflight approved any more: ${changed.join(", ")} changed`,
      hint: "find out who changes the hosted cluster (GitOps, another pipeline, a human), then run again; nothing was changed",
    });
}

/** The record, and all that preflight allows, go by these. */
const approvedFields = ["uid", "deleting", "releaseImage", "secretEncryption", "etcd"] as const;

export function conflict(
  { namespace, name }: ObjectRef,
  { how, hint }: { readonly how: string; readonly hint: string },
): ActionError {
  return new ActionError("hold-conflict", `hosted cluster ${namespace}/${name} ${how}`, { hint });
}
