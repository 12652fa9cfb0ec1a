import { ActionError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Answered, ObjectRef } from "../ports.ts";
import { findJournal } from "./journal.ts";

const lostToOthers =
  "find out who changes the hosted cluster (GitOps, another pipeline, a human) and keep them away during a backup";
export const lostToTime =
  "find out what kept the run waiting (the API server, slow pods, a suspended runner), then run again";
export const lostToClocks = "set the clocks of the management cluster's API servers: deadlines go by them";

/**
 * The deadline of a run's own hold, as an answer carries it, judged by the time of that answer. Throws `hold-lost` with what
 * became of it. `deadlines` are those of every journal that the run wrote; `apart` says how API servers differ in their clocks.
 */
export function judgeHold(
  current: Answered<HostedCluster>,
  own: {
    readonly nonce: string;
    readonly deadlines: ReadonlySet<string>;
    readonly paused: boolean;
    readonly apart: string | undefined;
  },
): string {
  const now = current.answeredAt;
  const journal = findJournal(current, now);
  if (journal === undefined) throw holdLost(current, "its journal is gone");
  if (journal.nonce !== own.nonce) throw holdLost(current, "its journal was replaced by another run's");
  const { deadline } = journal;
  // A recovery writes the journal before it looks for what may be removed.
  if (!own.deadlines.has(deadline))
    throw holdLost(current, "its journal was replaced: a recovery took this run for a dead one");
  if (own.paused && current.pausedUntil !== deadline)
    throw holdLost(current, `spec.pausedUntil was changed to ${JSON.stringify(current.pausedUntil ?? null)}`);
  if (own.apart !== undefined) throw holdLost(current, clocksApart(own.apart), { hint: lostToClocks });
  if (own.paused && new Date(deadline).getTime() <= now.getTime())
    throw holdLost(current, `its deadline ${deadline} passed`, { hint: lostToTime });
  return deadline;
}

export function clocksApart(how: string): string {
  return `API servers differ in their clocks, or this machine stood still: ${how}`;
}

export function holdLost(
  { namespace, name }: ObjectRef,
  how: string,
  details: { readonly hint?: string; readonly cause?: unknown } = {},
): ActionError {
  return new ActionError("hold-lost", `the hold of ${namespace}/${name} was lost: ${how}`, {
    hint: lostToOthers,
    ...details,
  });
}
