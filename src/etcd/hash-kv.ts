import { crc32c, joinCrc32c } from "./crc32c.ts";
import { revisionBump, type History, type PlaceSet } from "./history.ts";
import type { Pace } from "./pace.ts";
import { renderRevision } from "./revision.ts";

/** A hash of the keyspace, as members answer to HashKV. */
export interface HashKv {
  readonly revision: number;
  /** -1 where nothing was ever compacted. */
  readonly compactRevision: number;
  readonly hash: number;
}

/** At which revision a member was asked, and up to which it had compacted then. */
export interface HashKvPoint {
  readonly revision: number;
  readonly compactRevision: number;
}

const bucketChecksum = crc32c(Buffer.from("key"));

/**
 * HashKV as a member of etcd 3.5.16, 3.6 or 3.7 computes it from these changes: server/storage/mvcc/hash.go. `live` is
 * what is alive at the point's revision. Up to its compact revision only that counts, unless nothing is alive.
 */
export async function computeHashKv(
  history: History,
  live: PlaceSet,
  options: { readonly point: HashKvPoint; readonly pace: Pace },
): Promise<HashKv> {
  const { revision, compactRevision } = options.point;
  const end = history.firstAbove(revision);
  const compacted = history.firstAbove(compactRevision);
  const keepsAll = !hasBelow(live, end);
  let hash = bucketChecksum;
  for (let place = 0; place < end; place += 1) {
    if (place % 4096 === 0 && options.pace.due) await options.pace.rest();
    if (place < compacted && !keepsAll && !live.has(place)) continue;
    // Versions before 3.5.16 delete the tombstone at the compact revision, later ones keep it: neither hashes it.
    if (history.main(place) === compactRevision && history.isTombstone(place)) continue;
    hash = joinCrc32c(hash, history.checksum(place), history.pairLength(place));
  }
  return { revision, compactRevision, hash };
}

/**
 * The answer of every member after a restore with a bump, at the raised revision: only what is alive counts, and
 * behind it the nameless entry of the restore, which takes the place of an earlier one.
 */
export async function computeBumpedHashKv(history: History, pace: Pace): Promise<HashKv> {
  const revision = history.lastRevision + revisionBump;
  let hash = bucketChecksum;
  for (let place = 0; place < history.length; place += 1) {
    if (place % 4096 === 0 && pace.due) await pace.rest();
    if (history.live.has(place) && !history.isBump(place))
      hash = joinCrc32c(hash, history.checksum(place), history.pairLength(place));
  }
  return { revision, compactRevision: revision, hash: crc32c(renderRevision(revision), hash) };
}

function hasBelow(set: PlaceSet, end: number): boolean {
  for (let place = 0; place < end; place += 1) if (set.has(place)) return true;
  return false;
}
