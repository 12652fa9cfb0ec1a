import { createHash } from "node:crypto";

/** The answer of every member of a restored etcd to HashKV at its revision, until something is compacted. */
export interface PredictedAnswer {
  readonly revision: number;
  readonly hashKV: number;
}

/** By the way of restoring: as the file is, or with `--bump-revision 1000000000 --mark-compacted`. */
export interface Prediction {
  readonly plain: PredictedAnswer;
  readonly bumped: PredictedAnswer;
}

/** Ids as etcdctl prints them: hex without leading zeros. */
export interface PredictedCluster {
  readonly clusterId: string;
  /** In the order of the members that were given. */
  readonly memberIds: readonly string[];
}

/**
 * The ids that a restore gives to members with these peer URLs and this `--initial-cluster-token`: SHA-1 of the sorted
 * URLs and the token, and of the sorted member ids. Source: computeMemberID in etcdserver/api/membership/member.go, and
 * genID in cluster.go.
 */
export function predictCluster(
  members: readonly { readonly peerUrls: readonly string[] }[],
  token: string,
): PredictedCluster {
  const ids = members.map(({ peerUrls }) => idOf(Buffer.from([...peerUrls].sort().join("") + token)));
  const sorted = [...ids].sort((one, other) => (one < other ? -1 : 1));
  const bytes = Buffer.concat(sorted.map((id) => Buffer.from(id.toString(16).padStart(16, "0"), "hex")));
  return { clusterId: idOf(bytes).toString(16), memberIds: ids.map((id) => id.toString(16)) };
}

function idOf(bytes: Buffer): bigint {
  return createHash("sha1").update(bytes).digest().readBigUInt64BE();
}
