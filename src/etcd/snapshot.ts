import type { NamedKey } from "./aescbc.ts";
import { readBuckets, walkBucket, type Bucket, type BucketName } from "./buckets.ts";
import {
  addLeases,
  collectEntries,
  findClusterVersion,
  isAuthEnabled,
  parseAlarms,
  parseMembers,
  parseMetaState,
  type Entries,
  type MetaState,
  type SnapshotAlarm,
  type SnapshotMember,
} from "./cluster-state.ts";
import { readContents, type SnapshotContents } from "./contents.ts";
import { crc32c, crc32cOfRange, joinCrc32c } from "./crc32c.ts";
import { markFreePages } from "./freelist.ts";
import { computeBumpedHashKv, computeHashKv, type HashKv, type HashKvPoint } from "./hash-kv.ts";
import { History } from "./history.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import { readMeta, type Meta } from "./meta-page.ts";
import { Pace, type PaceOptions } from "./pace.ts";
import { PageMap } from "./page-map.ts";
import { PageReader } from "./page-reader.ts";
import type { Prediction } from "./prediction.ts";
import type { SnapshotDigests } from "./snapshot-digest.ts";
import type { SnapshotSource } from "./source.ts";
import { LiveIndex } from "./survivors.ts";
import { readTrailer } from "./trailer.ts";
import { Tree } from "./tree.ts";

export interface SnapshotOptions extends PaceOptions {
  /** Keys that were kept; without them encrypted values are counted and not opened. */
  readonly keys?: readonly NamedKey[];
  /** Where a member was asked for its HashKV, which the file's is to equal. */
  readonly hashKvAt?: HashKvPoint;
  /** The revision at which all writers had stopped: changes behind it are told as `tail`. */
  readonly quietRevision?: number;
  /** Whether `liveIndex` is made. */
  readonly indexLive?: boolean;
  /** The `liveIndex` of an earlier snapshot, of which this one is to have what nobody has changed since: `survivors`. */
  readonly earlier?: LiveIndex;
  /** Digests of these very bytes, where they were computed while the file was written. */
  readonly digests?: SnapshotDigests;
}

/** All that a snapshot file says, each page of it looked at. Holds no key and no value. */
export interface Snapshot extends MetaState, SnapshotContents {
  readonly sizeBytes: number;
  /** SHA-256 of the whole file, lower-case hex. */
  readonly sha256: string;
  /** Hex of the last 32 bytes. */
  readonly trailer: string;
  readonly pages: { readonly sizeBytes: number; readonly total: number; readonly free: number };
  /** Revision of the last change, as etcdctl and etcdutl print it; 0 in a keyspace that never had one. */
  readonly revision: number;
  /** The 8 hex digits that `snapshot status` prints. */
  readonly hash: string;
  /** Entries of all buckets: what etcdctl and etcdutl up to 3.5 call total keys. */
  readonly entries: number;
  /** Total keys of etcdutl from 3.6 on; with the nameless key of a bumped restore, which `liveSet` has not. */
  readonly liveKeys: number;
  /** HashKV of the whole keyspace, at the revision that a restored etcd has. */
  readonly hashKv: HashKv;
  /** At `hashKvAt`; undefined where the file does not have that point, since it was compacted later or ends before. */
  readonly hashKvAt: HashKv | undefined;
  readonly prediction: Prediction;
  /** The revision to which an earlier restore raised the newest; undefined when there was none. */
  readonly bumpedTo: number | undefined;
  readonly clusterVersion: string | undefined;
  readonly members: readonly SnapshotMember[];
  readonly alarms: readonly SnapshotAlarm[];
  readonly authEnabled: boolean;
  /** Undefined where it was not asked for. */
  readonly liveIndex: LiveIndex | undefined;
}

/**
 * Reads a snapshot: the trailer, every page, and every value. Throws `snapshot-trailer-missing`, `snapshot-invalid` for
 * anything that etcd does not write, `encryption-key-invalid` for a key of an impossible length; the reason of `signal`;
 * and whatever `source` rejects with.
 */
export async function readSnapshot(source: SnapshotSource, options: SnapshotOptions = {}): Promise<Snapshot> {
  const pace = new Pace(options);
  const digests = options.digests ?? (await readTrailer(source, pace));
  if (!digests.trailerMatches || digests.sizeBytes !== source.sizeBytes)
    throw invalidSnapshot("its last 32 bytes are not the SHA-256 of the bytes before them");
  const meta = await readMeta(source);
  const reader = new PageReader(source, meta);
  const database = await readDatabase(meta, reader, { ...options, pace });
  const { history, state } = database;
  const { compactRevision } = state;
  checkCompleteness(history, compactRevision);
  const revision = Math.max(1, history.lastRevision, compactRevision);
  const hashKv = await computeHashKv(history, history.live, { point: { revision, compactRevision }, pace });
  const bumped = await computeBumpedHashKv(history, pace);
  const contents = await readContents(
    database.keyBucket,
    { tree: new Tree(reader, { pace }), history },
    {
      leases: database.leases,
      keys: options.keys ?? [],
      seed: Number.parseInt(digests.trailer.slice(0, 8), 16),
      tailAfter: options.quietRevision,
      earlier: options.earlier,
    },
  );
  return {
    ...state,
    ...contents,
    sizeBytes: source.sizeBytes,
    sha256: digests.sha256,
    trailer: digests.trailer,
    pages: { sizeBytes: meta.pageSizeBytes, total: meta.pageCount, free: meta.pageCount - database.usedPages },
    revision: history.lastRevision,
    hash: database.hash.toString(16).padStart(8, "0"),
    entries: database.entries,
    liveKeys: history.liveCount,
    hashKv,
    hashKvAt:
      options.hashKvAt && (await findHashKv(history, options.hashKvAt, { end: revision, compactRevision, pace })),
    prediction: {
      plain: { revision, hashKV: hashKv.hash },
      bumped: { revision: bumped.revision, hashKV: bumped.hash },
    },
    bumpedTo: history.newestBump === 0 ? undefined : history.newestBump,
    clusterVersion: findClusterVersion(database.small.cluster),
    members: parseMembers(database.small.members),
    alarms: parseAlarms(database.small.alarm),
    authEnabled: isAuthEnabled(database.small.auth),
    liveIndex: options.indexLive === true ? new LiveIndex(history) : undefined,
  };
}

/** Buckets of which all entries are kept: they are few. */
const smallBuckets = ["alarm", "auth", "cluster", "members", "meta"] as const;
type SmallBucket = (typeof smallBuckets)[number];

interface Database {
  readonly history: History;
  readonly state: MetaState;
  readonly leases: ReadonlySet<bigint>;
  readonly small: Readonly<Record<SmallBucket, Entries>>;
  readonly keyBucket: Bucket;
  readonly hash: number;
  readonly entries: number;
  readonly usedPages: number;
}

/** Goes through all buckets in the order of their names, which is the order of `snapshot status`. */
async function readDatabase(
  meta: Meta,
  reader: PageReader,
  options: SnapshotOptions & { readonly pace: Pace },
): Promise<Database> {
  const { pace } = options;
  const map = new PageMap(meta.pageCount);
  if (meta.freelistPage !== undefined) await readFreelist(meta.freelistPage, reader, map);
  const tree = new Tree(reader, { map, pace });
  const history = new History({ pastRevision: options.hashKvAt?.revision, tailAfter: options.quietRevision });
  const leases = new Set<bigint>();
  const small = new Map<BucketName, Entries>();
  let hash = 0;
  let entries = 0;
  const buckets = await readBuckets(meta.rootPage, tree);
  for (const bucket of buckets) {
    hash = crc32c(Buffer.from(bucket.name), hash);
    const kept: [string, Buffer][] = [];
    await walkBucket(bucket, tree, (leaf) => {
      entries += leaf.length;
      for (const element of leaf) {
        const { bytes, start, end } = element;
        const checksum = bucket.name === "key" ? history.add(element) : crc32cOfRange(bytes, element);
        hash = joinCrc32c(hash, checksum, end - start);
      }
      if (bucket.name === "lease") addLeases(leases, leaf);
      if (isSmall(bucket.name)) kept.push(...collectEntries(leaf));
    });
    small.set(bucket.name, new Map(kept));
  }
  if (meta.freelistPage !== undefined && map.unaccounted > 0)
    throw invalidSnapshot(`${String(map.unaccounted)} of its pages are neither in use nor free`);
  const entriesOf = (name: SmallBucket): Entries => small.get(name) ?? new Map<string, Buffer>();
  return {
    history,
    state: parseMetaState(entriesOf("meta")),
    leases,
    small: {
      alarm: entriesOf("alarm"),
      auth: entriesOf("auth"),
      cluster: entriesOf("cluster"),
      members: entriesOf("members"),
      meta: entriesOf("meta"),
    },
    keyBucket: bucketNamed(buckets, "key"),
    hash,
    entries,
    usedPages: map.usedCount,
  };
}

async function readFreelist(pageId: number, reader: PageReader, map: PageMap): Promise<void> {
  const page = await reader.read(pageId);
  if (page.kind !== "freelist") throw invalidSnapshot(`page ${String(pageId)} is not the list of free pages`);
  map.use(pageId, page.overflow + 1);
  markFreePages(page, map);
}

function isSmall(name: BucketName): name is SmallBucket {
  return smallBuckets.some((small) => small === name);
}

function bucketNamed(buckets: readonly Bucket[], name: BucketName): Bucket {
  const bucket = buckets.find((each) => each.name === name);
  if (!bucket) throw invalidSnapshot(`it has no bucket ${name}`);
  return bucket;
}

/** etcd numbers its changes without a gap; one may only be missing where the history was compacted. */
function checkCompleteness(history: History, compactRevision: number): void {
  if (history.highestMissing > Math.max(0, compactRevision))
    throw invalidSnapshot(`changes up to revision ${String(history.highestMissing)} are missing`);
  if (history.newestBump > Math.max(0, compactRevision))
    throw invalidSnapshot(`revision ${String(history.newestBump)} has no value, and is not what a restore leaves`);
}

async function findHashKv(
  history: History,
  point: HashKvPoint,
  file: { readonly end: number; readonly compactRevision: number; readonly pace: Pace },
): Promise<HashKv | undefined> {
  const { revision, compactRevision } = point;
  if (revision > file.end || revision < compactRevision || compactRevision < file.compactRevision) return undefined;
  return computeHashKv(history, history.liveInPast, { point, pace: file.pace });
}
