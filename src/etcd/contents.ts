import { walkBucket, type Bucket } from "./buckets.ts";
import { EncryptionCheck, type EncryptedValues } from "./encryption-check.ts";
import type { NamedKey } from "./aescbc.ts";
import { parseChange, type History } from "./history.ts";
import { LiveSetDigest, type LiveSet } from "./live-set.ts";
import { longestBeginning, ResourceCounter, type ResourceContents } from "./resource.ts";
import { latin1Of, lengthOf } from "./span.ts";
import { SurvivorCount, type LiveIndex, type Survivors } from "./survivors.ts";
import type { Tree } from "./tree.ts";

export interface LeaseUse {
  /** Leases that are granted in the file. */
  readonly granted: number;
  /** Live keys with a lease. */
  readonly keys: number;
  /** Live keys whose lease is not granted: they stay for ever. */
  readonly orphans: number;
}

/** Changes behind a revision at which all writers had stopped. */
export interface Tail {
  readonly changes: number;
  readonly writes: number;
  /** Deletions of keys whose lease is gone from the file, as etcd deletes them by itself when it expires. */
  readonly expired: number;
  /** Deletions of another kind, or whose kind the file does not show any more. */
  readonly deletions: number;
}

/** Everything that is alive in the file. */
export interface SnapshotContents {
  readonly liveSet: LiveSet;
  readonly resources: Readonly<Record<string, ResourceContents>>;
  readonly encrypted: EncryptedValues;
  readonly leases: LeaseUse;
  readonly tail: Tail | undefined;
  /** Against `earlier`; undefined without it. */
  readonly survivors: Survivors | undefined;
}

interface ContentsOptions {
  readonly leases: ReadonlySet<bigint>;
  readonly keys: readonly NamedKey[];
  /** For the draw of values that are decrypted, where they are too many. */
  readonly seed: number;
  /** Changes behind it are the tail. */
  readonly tailAfter: number | undefined;
  /** The index of an earlier snapshot, of which this one is to have what nobody has changed since. */
  readonly earlier: LiveIndex | undefined;
}

/** Goes through the bucket `key` once more: only now it is known which of its changes are the last of their keys. */
export async function readContents(
  bucket: Bucket,
  source: { readonly tree: Tree; readonly history: History },
  { leases, keys, seed, tailAfter, earlier }: ContentsOptions,
): Promise<SnapshotContents> {
  const { history, tree } = source;
  const liveSet = new LiveSetDigest();
  const resources = new ResourceCounter();
  const encryption = new EncryptionCheck(keys, seed);
  const survivors = earlier && new SurvivorCount(earlier);
  const deleted = new Set(history.deletedInTail.values());
  const expired = new Set<number>();
  let place = 0;
  let leasedKeys = 0;
  let orphans = 0;
  await walkBucket(bucket, tree, (leaf) => {
    for (const element of leaf) {
      const isLive = history.live.has(place);
      if (isLive || deleted.has(place)) {
        const { keyValue } = parseChange(element);
        if (keyValue) {
          const hasLease = keyValue.lease !== 0n;
          const isGone = hasLease && !leases.has(keyValue.lease);
          if (isGone) expired.add(place);
          if (isLive) {
            liveSet.add(keyValue, history.isAlone(place));
            const resource = resources.add(latin1Of(keyValue.key, longestBeginning), lengthOf(keyValue.value));
            encryption.add(resource, keyValue.value);
            survivors?.add(resource, {
              main: history.main(place),
              checksum: history.checksum(place),
              lengthBytes: history.pairLength(place),
            });
            if (hasLease) leasedKeys += 1;
            if (isGone) orphans += 1;
          }
        }
      }
      place += 1;
    }
  });
  return {
    liveSet: liveSet.digest(),
    resources: resources.contents,
    encrypted: encryption.result,
    leases: { granted: leases.size, keys: leasedKeys, orphans },
    tail: tailAfter === undefined ? undefined : readTail(history, tailAfter, expired),
    survivors: survivors?.result,
  };
}

function readTail(history: History, tailAfter: number, expiredPlaces: ReadonlySet<number>): Tail {
  let writes = 0;
  let expired = 0;
  let deletions = 0;
  const first = history.firstAbove(tailAfter);
  for (let place = first; place < history.length; place += 1)
    if (!history.isTombstone(place)) writes += 1;
    else if (expiredPlaces.has(history.deletedInTail.get(place) ?? -1)) expired += 1;
    else deletions += 1;
  return { changes: history.length - first, writes, expired, deletions };
}
