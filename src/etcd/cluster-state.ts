import { safeUint64BigEndian } from "./integers.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import { keyOf, valueOf, type LeafElement } from "./page.ts";
import { MessageReader } from "./protobuf.ts";
import { parseRevision } from "./revision.ts";

/** The state etcd keeps of itself in the bucket `meta`: server/storage/schema/bucket.go, "Pre v3.5" and following. */
export interface MetaState {
  /** The index of the last entry of the raft log that is in the file; 0 when there is none. */
  readonly consistentIndex: number;
  /** 0 up to etcd 3.4, which does not keep it. */
  readonly term: number;
  /** Such as `3.6.0`; undefined before etcd 3.6. */
  readonly storageVersion: string | undefined;
  /** Up to here the history is gone, or will be as soon as an etcd starts with this file; -1 when never. */
  readonly compactRevision: number;
}

const uint64Bytes = 8;
const versionForm = /^\d{1,4}\.\d{1,4}\.\d{1,4}$/;
const memberIdForm = /^[0-9a-f]{1,16}$/;

export type Entries = ReadonlyMap<string, Buffer>;

/** Copies of a small bucket's entries, by their names. */
export function collectEntries(elements: readonly LeafElement[]): Entries {
  return new Map(elements.map((element) => [keyOf(element).toString("latin1"), Buffer.from(valueOf(element))]));
}

/** Throws `snapshot-invalid` for a value of another form than etcd writes. */
export function parseMetaState(entries: Entries): MetaState {
  const storageVersion = entries.get("storageVersion")?.toString("latin1");
  if (storageVersion !== undefined && !versionForm.test(storageVersion))
    throw invalidSnapshot("its storage version is not a version");
  return {
    consistentIndex: parseIndex(entries, "consistent_index"),
    term: parseIndex(entries, "term"),
    storageVersion,
    // A compaction that was begun is ended when etcd starts: kvstore.go, restore.
    compactRevision: Math.max(
      parseCompactRevision(entries, "finishedCompactRev"),
      parseCompactRevision(entries, "scheduledCompactRev"),
    ),
  };
}

function parseIndex(entries: Entries, name: string): number {
  const bytes = entries.get(name);
  if (bytes === undefined) return 0;
  if (bytes.length !== uint64Bytes) throw invalidSnapshot(`its ${name} is not a number`);
  return safeUint64BigEndian(bytes, 0);
}

function parseCompactRevision(entries: Entries, name: string): number {
  const bytes = entries.get(name);
  return bytes === undefined ? -1 : parseRevision(bytes).main;
}

/** A member that the cluster had when the snapshot was taken; a restore puts others in its place. */
export interface SnapshotMember {
  /** The id as etcdctl prints it. */
  readonly id: string;
}

/** Throws `snapshot-invalid` for an id that is not one. */
export function parseMembers(entries: Entries): readonly SnapshotMember[] {
  return [...entries].map(([id, value]) => {
    if (!memberIdForm.test(id) || !isJson(value))
      throw invalidSnapshot("an entry of its bucket members is not a member");
    return { id };
  });
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

/** An alarm that is on in the file, and so will be after a restore: with NOSPACE an etcd refuses every write. */
export interface SnapshotAlarm {
  readonly memberId: string;
  readonly alarm: "NOSPACE" | "CORRUPT" | "unknown";
}

export function describeAlarm({ alarm }: SnapshotAlarm): string {
  return `the snapshot has the alarm ${alarm}: a restored etcd has it, too`;
}

const alarms: readonly (SnapshotAlarm["alarm"] | undefined)[] = [undefined, "NOSPACE", "CORRUPT"];

/** The keys of the bucket `alarm`: AlarmMember of etcdserverpb. Throws `snapshot-invalid`. */
export function parseAlarms(entries: Entries): readonly SnapshotAlarm[] {
  return [...entries.keys()].map((key) => {
    const message = new MessageReader(Buffer.from(key, "latin1"), "an alarm");
    const memberId = BigInt.asUintN(64, message.bigInteger(1)).toString(16);
    const alarm = alarms[message.integer(2)] ?? "unknown";
    message.end();
    return { memberId, alarm };
  });
}

/** The version that the cluster's members agreed upon, such as `3.6.0`; undefined before they did. */
export function findClusterVersion(entries: Entries): string | undefined {
  const version = entries.get("clusterVersion")?.toString("latin1");
  return version !== undefined && versionForm.test(version) ? version : undefined;
}

export function isAuthEnabled(entries: Entries): boolean {
  return entries.get("authEnabled")?.[0] === 1;
}

/** The ids of the leases that are granted: leasepb.Lease by the 8 bytes of its id. Throws `snapshot-invalid`. */
export function addLeases(leases: Set<bigint>, elements: readonly LeafElement[]): void {
  for (const element of elements) {
    const key = keyOf(element);
    const message = new MessageReader(valueOf(element), "a lease");
    const id = message.bigInteger(1);
    message.bigInteger(2);
    message.bigInteger(3);
    message.end();
    if (key.length !== uint64Bytes || key.readBigInt64BE() !== id)
      throw invalidSnapshot("a lease stands under another id");
    leases.add(id);
  }
}
