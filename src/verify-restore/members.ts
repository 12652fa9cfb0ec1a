import { ActionError } from "../errors.ts";
import { revisionBump } from "../etcd/history.ts";
import { predictCluster, type PredictedCluster } from "../etcd/prediction.ts";
import { freshPeers, restoredPeers, singlePeers } from "../hypershift/etcd-peers.ts";
import type { Snapshot } from "../etcd/snapshot.ts";
import type { InitScript, RestoreScript } from "../hypershift/restore-script.ts";
import type { Member } from "../pod/member.ts";

/** What is known of the etcd that was backed up. */
interface Source {
  /** Of the snapshot. */
  readonly revision: number;
  /** Absent without a record. */
  readonly clusterId?: string;
}

export interface MembersVerdict {
  readonly script: RestoreScript;
  /** False where the etcd that was backed up had the same ids, or may have had: it was restored once as well. */
  readonly idsAreNew: boolean;
  /** What is not as it was predicted, and proves nothing. */
  readonly warnings: readonly string[];
}

/**
 * Judges by ids and revisions how the members were restored: a restore of HyperShift gives ids that follow of namespace and
 * replicas alone. Throws `etcd-split` for members that are not one cluster, `etcd-not-restored` for those that started without
 * the snapshot, `restore-differs` for a revision that no restore of this snapshot begins with.
 */
export function judgeMembers(
  members: readonly Member[],
  controlPlane: string,
  { source, script }: { readonly source: Source; readonly script: InitScript | undefined },
): MembersVerdict {
  const joined = predict(restoredPeers(controlPlane, members.length));
  const single = predict(singlePeers);
  const fresh = predict(freshPeers(controlPlane, members.length));
  const of = (clusterId: string | undefined): readonly Member[] =>
    members.filter((member) => member.clusterId === clusterId);
  // A cluster that was never restored has the id of any that starts empty: only its revision tells that it is the old one.
  const areOld = members.every(
    ({ clusterId, revision }) => clusterId === source.clusterId && revision >= source.revision,
  );
  if (!areOld) refuseFresh(of(fresh.clusterId), fresh);
  if (members.length > 1 && of(single.clusterId).length > 0) throw split(members, single);
  if (new Set(members.map(({ clusterId }) => clusterId)).size > 1) throw split(members, undefined);
  const [first] = members;
  const isJoined = first?.clusterId === joined.clusterId;
  if (!isJoined && first?.clusterId !== single.clusterId) refuseForeign(members, { source, joined, single });
  const isBumped = isJoined || members.some(({ revision }) => revision >= source.revision + revisionBump);
  refuseLower(members, source.revision + (isBumped ? revisionBump : 0));
  const known = isJoined ? joined.memberIds : single.memberIds;
  const replaced = members.filter(({ id }) => !known.includes(id));
  const warnings = [
    ...replaced.map(({ pod, id }) => `${pod} has the member id ${id}, which no restore gives: it was replaced since`),
    ...(script !== undefined && (script === "joining") !== isJoined
      ? [`the init script of the StatefulSet is ${script}, and the ids of the members are not those that it gives`]
      : []),
  ];
  const idsAreNew = source.clusterId !== undefined && source.clusterId !== first?.clusterId;
  return { script: isBumped ? "bumped" : "plain", idsAreNew, warnings };
}

function predict({ members, token }: ReturnType<typeof restoredPeers>): PredictedCluster {
  return predictCluster(members, token);
}

function refuseFresh(members: readonly Member[], { clusterId }: PredictedCluster): void {
  if (members.length === 0) return;
  const [are, them] = members.length === 1 ? ["has", "it"] : ["have", "they"];
  throw new ActionError(
    "etcd-not-restored",
    `${names(members)} ${are} started without the snapshot: the cluster id ${clusterId} is the one that an etcd of HyperShift gives itself when it starts empty`,
    { hint: `${startAgain}; what ${them} served since is not in the snapshot` },
  );
}

function split(members: readonly Member[], single: PredictedCluster | undefined): ActionError {
  const alone = single === undefined ? [] : members.filter(({ clusterId }) => clusterId === single.clusterId);
  const what =
    single === undefined
      ? members.map(({ pod, clusterId }) => `${pod} is of cluster ${clusterId}`).join(", ")
      : `${names(alone)} ${alone.length === 1 ? "is" : "are each"} a cluster of one, with the member id ${single.memberIds.join()} and the cluster id ${single.clusterId} that HyperShift's init script leaves where it does not join the members`;
  return new ActionError("etcd-split", `the etcd members are not one cluster: ${what}`, {
    hint: "what is written to one of them is not in the others: delete the hosted cluster and its volume claims data-etcd-*, and restore with controllerAvailabilityPolicy: SingleReplica, or with a release whose init script joins the members",
  });
}

/** The ids are those of no restore that is known. */
function refuseForeign(
  members: readonly Member[],
  {
    source,
    joined,
    single,
  }: { readonly source: Source; readonly joined: PredictedCluster; readonly single: PredictedCluster },
): void {
  const clusterId = members[0]?.clusterId ?? "unknown";
  const expected = members.length > 1 ? joined.clusterId : `${joined.clusterId} or ${single.clusterId}`;
  throw new ActionError(
    "etcd-not-restored",
    clusterId === source.clusterId
      ? `the etcd is still the one that was backed up: it has its cluster id ${clusterId}, and a restore gives ${expected}`
      : `the etcd has the cluster id ${clusterId}, and a restore gives ${expected}: it did not start from a snapshot`,
    { hint: stillThere },
  );
}

function refuseLower(members: readonly Member[], lowest: number): void {
  const low = members.find(({ revision }) => revision < lowest);
  if (low === undefined) return;
  throw new ActionError(
    "restore-differs",
    `${low.pod} is at revision ${String(low.revision)}, and a restore of this snapshot begins at ${String(lowest)}: it started empty, or from another snapshot`,
    { hint: `compare snapshot-uri with the one that was rendered; ${startAgain}` },
  );
}

/** A restored etcd has some three entries a minute that are no revision: it takes weeks to so many. */
const longLog = 100_000;

/**
 * Whether the raft log says that the etcd began anew, as it does by a restore. One that was never restored has in it all entries that
 * the snapshot's had, and at least one more for each revision since. False where that may be so by chance, after a snapshot of a young
 * etcd; throws `etcd-not-restored` where it cannot.
 */
export function beganAnew(stored: Snapshot, living: Snapshot): boolean {
  const others = living.consistentIndex - (living.revision - stored.revision);
  if (others < stored.consistentIndex) return true;
  if (stored.consistentIndex < longLog) return false;
  throw new ActionError(
    "etcd-not-restored",
    `the etcd is still the one that was backed up: its raft log was at entry ${String(stored.consistentIndex)} in the snapshot and is at ${String(living.consistentIndex)} now, and a restore begins it anew`,
    { hint: stillThere },
  );
}

const startAgain =
  "delete the hosted cluster and its volume claims data-etcd-*, and create it from a manifest that restore-render writes";
const stillThere = `${startAgain}; volumes of the old cluster that are still there are taken as they are, and nothing is restored`;

function names(members: readonly Member[]): string {
  return members.map(({ pod }) => pod).join(", ");
}
