import { withTrailer, writeDatabase, type DatabaseOptions, type Entry } from "./database.ts";

/** A change of the keyspace. */
export interface ChangePlan {
  readonly main: number;
  readonly sub?: number;
  readonly key?: string;
  /** Without it, the change is a deletion; see also `nameless`. */
  readonly value?: string | Buffer;
  readonly createRevision?: number;
  readonly version?: number;
  readonly lease?: bigint;
  /** The entry that a restore with a bump leaves: no value at all. */
  readonly nameless?: boolean;
}

export interface SnapshotPlan extends DatabaseOptions {
  readonly changes?: readonly ChangePlan[];
  readonly compactRevision?: number;
  /** Of the raft log. */
  readonly consistentIndex?: number;
  readonly leases?: readonly bigint[];
  /** True: the alarm NOSPACE is on. */
  readonly noSpace?: boolean;
  /** Entries in the place of those that a bucket would have; `undefined` leaves the bucket out. */
  readonly buckets?: Readonly<Record<string, readonly Entry[] | undefined>>;
}

/** A snapshot as etcd 3.6 writes it, of this plan. */
export function buildSnapshot(plan: SnapshotPlan = {}): Buffer {
  return withTrailer(buildDatabase(plan));
}

export function buildDatabase(plan: SnapshotPlan = {}): Buffer {
  return writeDatabase(bucketsOf({ ...plan, changes: plan.changes?.map(renderChange) ?? [] }), plan);
}

/** The entries of each bucket, in the place of which `changes` are. */
export function bucketsOf<Changes extends Iterable<Entry>>(
  plan: Omit<SnapshotPlan, "changes"> & { readonly changes: Changes },
): Readonly<Record<string, Changes | readonly Entry[]>> {
  const buckets: Record<string, Changes | readonly Entry[] | undefined> = {
    // AlarmMember of etcdserverpb: its member, and 1.
    alarm: plan.noSpace === true ? [[Buffer.from("08cdd2859582d1d8cf8e011001", "hex"), Buffer.alloc(0)]] : [],
    auth: [[Buffer.from("authRevision"), uint64(1)]],
    authRoles: [],
    authUsers: [],
    cluster: [[Buffer.from("clusterVersion"), Buffer.from("3.6.0")]],
    key: plan.changes,
    lease: [...(plan.leases ?? [])].sort((one, other) => Number(one - other)).map(renderLease),
    members: [[Buffer.from("8e9e05c52164694d"), Buffer.from(`{"id":10276657743932975437,"name":"default"}`)]],
    members_removed: [],
    meta: renderMeta(plan),
    ...plan.buckets,
  };
  const present = Object.entries(buckets).filter(
    (pair): pair is [string, Changes | readonly Entry[]] => pair[1] !== undefined,
  );
  return Object.fromEntries(present);
}

/** Writes of keys `0`, `1`, … one a revision, from revision 2 on. */
export function writes(count: number, value: string | Buffer = "k8s\0value"): readonly ChangePlan[] {
  return Array.from({ length: count }, (_, index) => ({
    main: index + 2,
    key: `/kubernetes.io/configmaps/default/${String(index)}`,
    value,
  }));
}

export function renderChange({ main, sub = 0, ...change }: ChangePlan): Entry {
  const isDeletion = change.value === undefined && change.nameless !== true;
  const key = Buffer.alloc(isDeletion ? 18 : 17);
  key.writeBigUInt64BE(BigInt(main));
  key.write("_", 8);
  key.writeBigUInt64BE(BigInt(sub), 9);
  if (isDeletion) key.write("t", 17);
  if (change.nameless === true) return [key, Buffer.alloc(0)];
  const name = Buffer.from(change.key ?? "/kubernetes.io/configmaps/default/a");
  if (isDeletion) return [key, bytesField(1, name)];
  const value = Buffer.from(change.value ?? "");
  const version = change.version ?? 1;
  return [
    key,
    Buffer.concat([
      bytesField(1, name),
      numberField(2, BigInt(change.createRevision ?? main)),
      numberField(3, BigInt(main)),
      numberField(4, BigInt(version)),
      bytesField(5, value),
      numberField(6, change.lease ?? 0n),
    ]),
  ];
}

function renderMeta({
  compactRevision,
  consistentIndex = 41,
}: Pick<SnapshotPlan, "compactRevision" | "consistentIndex">): readonly Entry[] {
  const entries: Entry[] = [
    [Buffer.from("confState"), Buffer.from(`{"voters":[10276657743932975437],"auto_leave":false}`)],
    [Buffer.from("consistent_index"), uint64(consistentIndex)],
    [Buffer.from("storageVersion"), Buffer.from("3.6.0")],
    [Buffer.from("term"), uint64(3)],
  ];
  if (compactRevision !== undefined) {
    const [revision] = renderChange({ main: compactRevision, value: "" });
    entries.push([Buffer.from("finishedCompactRev"), revision], [Buffer.from("scheduledCompactRev"), revision]);
  }
  return entries.sort(([one], [other]) => one.compare(other));
}

function renderLease(id: bigint): Entry {
  const key = Buffer.alloc(8);
  key.writeBigInt64BE(id);
  return [key, Buffer.concat([numberField(1, id), numberField(2, 3600n)])];
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function bytesField(field: number, value: Buffer): Buffer {
  if (value.length === 0) return Buffer.alloc(0);
  return Buffer.concat([varint(BigInt(field * 8 + 2)), varint(BigInt(value.length)), value]);
}

function numberField(field: number, value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0);
  return Buffer.concat([varint(BigInt(field * 8)), varint(BigInt.asUintN(64, value))]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
