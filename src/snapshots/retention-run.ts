import { describeError, hasCode, type ActionError } from "../errors.ts";
import type { Log, SnapshotStore } from "../ports.ts";
import { formatTime } from "../time.ts";
import type { Catalogue } from "./catalogue.ts";
import type { RecordedRun } from "./counting.ts";
import { formatSnapshotUri } from "./location.ts";
import { planRetention, renderPolicy, type Candidate, type Decision, type RetentionPolicy } from "./retention.ts";

interface Kept extends Candidate {
  /** Absent for a backup that is only planned. */
  readonly recorded?: RecordedRun;
}

/** What retention is going to do. */
export interface RetentionPlan {
  readonly decisions: readonly Decision<Kept>[];
  /** Records whose snapshot an earlier retention removed before it died: what is left of their runs goes as well. */
  readonly unfinished: readonly RecordedRun[];
  /** Proven ones whose record names no cluster id: whose they are is not known, so they do not count, and stay. */
  readonly unidentified: readonly RecordedRun[];
  readonly policy: RetentionPolicy;
}

/** The backup that decides: its run's name, and its cluster. */
interface OwnBackup {
  readonly runName: string;
  readonly clusterID: string;
  /** Set for a dry run, whose backup is not there. */
  readonly plannedAt?: Date;
}

/** The plan, or why nothing may be removed, in words. */
export function planFor(catalogue: Catalogue, policy: RetentionPolicy, own: OwnBackup): RetentionPlan | string {
  const others = [...catalogue.clusterIds.keys()].filter((id) => id !== own.clusterID);
  if (others.length > 0)
    return `${catalogue.uri} holds snapshots of another cluster of this name, too: ${others.join(", ")} beside ${own.clusterID}`;
  const ofCluster = (each: RecordedRun): boolean => each.record.hostedCluster.clusterID === own.clusterID;
  const candidates = catalogue.proven.filter(ofCluster).map((each) => toCandidate(each, own));
  if (own.plannedAt !== undefined)
    candidates.push({ name: own.runName, createdAt: own.plannedAt, pinned: false, drilled: false, own: true });
  else if (!candidates.some((candidate) => candidate.own))
    return `${catalogue.uri} does not show the backup that was just made there, so it is not whole`;
  const bereft = catalogue.bereft.filter(ofCluster).map((each) => toCandidate(each, own));
  // Those that are gone take no place from those that are there.
  const asIfWhole = planRetention([...candidates, ...bereft], policy);
  return {
    policy,
    decisions: planRetention(candidates, policy),
    unidentified: catalogue.proven.filter(({ record }) => record.hostedCluster.clusterID === undefined),
    unfinished: asIfWhole.flatMap(({ candidate, reasons }) =>
      reasons.length === 0 && bereft.includes(candidate) && candidate.recorded ? [candidate.recorded] : [],
    ),
  };
}

/** The plan as lines: what becomes of each snapshot, and by which rule. */
export function renderPlan({ decisions, unfinished, unidentified, policy }: RetentionPlan): readonly string[] {
  return [
    ...decisions.map(({ candidate: { name, createdAt }, reasons }) => {
      const of = `${name} of ${formatTime(createdAt)}`;
      return reasons.length > 0
        ? `keep ${of}: ${reasons.join(", ")}`
        : `remove ${of}: no rule of ${renderPolicy(policy)} keeps it`;
    }),
    ...unfinished.map(
      ({ run, createdAt }) =>
        `remove ${run.name} of ${formatTime(createdAt)}: its snapshot is gone already, and no rule of ${renderPolicy(policy)} would keep it`,
    ),
    ...unidentified.map(
      ({ run, createdAt }) =>
        `leave ${run.name} of ${formatTime(createdAt)}: its record names no cluster id, so it does not count`,
    ),
  ];
}

export function listToRemove({ decisions, unfinished }: RetentionPlan): readonly RecordedRun[] {
  const removed = decisions.flatMap(({ candidate: { recorded }, reasons }) =>
    reasons.length === 0 && recorded !== undefined ? [recorded] : [],
  );
  return [...unfinished, ...removed.toReversed()];
}

/**
 * Removes the runs of a plan, the oldest first: of each its snapshots, then what stands beside them, and the record last, so
 * that a removal that dies is finished by the next one. A pin is looked for just before. Whatever stays is one warning;
 * returns the names of the runs that are gone. Throws `cancelled`.
 */
export async function removeRuns(
  { store, log }: { readonly store: Pick<SnapshotStore, "bucket" | "findObject" | "deleteObject">; readonly log: Log },
  runs: readonly RecordedRun[],
): Promise<readonly string[]> {
  const gone: string[] = [];
  for (const { run, record } of runs) {
    const uri = formatSnapshotUri({ bucket: store.bucket, key: run.recordKey });
    try {
      if ((await store.findObject(run.pinKey)) !== undefined) {
        log.info(`${run.name} was pinned meanwhile, and stays`);
        continue;
      }
      for (const key of [...[...run.snapshots, ...run.companions].map((object) => object.key), run.recordKey])
        await store.deleteObject(key);
      gone.push(run.name);
      const hidden = record.snapshots.some(({ versionId }) => versionId !== undefined);
      log.info(`removed ${run.name}${hidden ? ": a marker hides it; the bucket keeps its versions" : ""}`);
    } catch (error) {
      if (hasCode(error, "cancelled", "internal")) throw error;
      const failure = describeError(error);
      log.warning(`${uri} and what belongs to it could not be removed: ${describeStay(failure)}`);
      // The others would have to wait for it, too.
      if (hasCode(failure, "store-unreachable")) break;
    }
  }
  return gone;
}

function describeStay({ code, message, hint }: ActionError): string {
  return `${code}: ${message}${hint === undefined ? "" : ` (${hint})`}; the next backup tries again`;
}

function toCandidate(recorded: RecordedRun, { runName }: OwnBackup): Kept {
  const { run, createdAt } = recorded;
  const { name, pinned, drilled } = run;
  return { name, createdAt, pinned, drilled, own: name === runName, recorded };
}
