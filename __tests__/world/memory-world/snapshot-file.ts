import { createHash } from "node:crypto";
import type { Snapshot } from "../../../src/etcd/snapshot.ts";
import { encryptSecret } from "../etcd/fill.ts";
import { buildDatabase, type ChangePlan } from "../snapshot/snapshot.ts";
import { withTrailer } from "../snapshot/database.ts";
import { readBytes } from "../snapshot/read.ts";
import type { Deed } from "./keyspace.ts";

/** What a member holds when its snapshot is taken. */
export interface MemberContents {
  readonly revision: number;
  /** What happened last and was no write of an API server, in the order of its revisions. */
  readonly deeds: readonly Deed[];
  /** Its Secrets are encrypted with this key; undefined: they are in clear. */
  readonly aesKey: Buffer | undefined;
  /** The file has at least so many. */
  readonly sizeBytes: number;
  /** Changes its history, as in a member that has diverged. */
  readonly odd?: boolean;
  readonly noSpace?: boolean;
}

const encrypted = new Map<string, Buffer>();

/** The same each time, as it is in all members. */
function encryptOnce(name: string, plain: Buffer, aesKey: Buffer): Buffer {
  const id = `${aesKey.toString("hex")} ${name}`;
  const value = encrypted.get(id) ?? encryptSecret(plain, aesKey);
  encrypted.set(id, value);
  return value;
}

/** Changes behind the last compaction, in a keyspace where nothing else happened. */
const kept = 3;
/** Written long ago, by a lease that is gone. */
const leasedKey = (revision: number): string => `/kubernetes.io/events/default/leased-${String(revision)}`;

/** Made in the last runs: thousands of them hold the same. */
const made = new Map<string, Buffer>();
const read = new WeakMap<Buffer, Promise<Snapshot>>();
const mostMade = 500;

/** What a member holds, as its file; the same bytes each time. */
export function renderSnapshot(contents: MemberContents): Buffer {
  const id = JSON.stringify({ ...contents, aesKey: contents.aesKey?.toString("hex") });
  const bytes = made.get(id) ?? buildFile(contents);
  if (made.size >= mostMade) made.clear();
  made.set(id, bytes);
  return bytes;
}

/** What is in a file that `renderSnapshot` made. */
export function readRendered(bytes: Buffer): Promise<Snapshot> {
  const snapshot = read.get(bytes) ?? readBytes(bytes);
  read.set(bytes, snapshot);
  return snapshot;
}

/** A file as `etcdctl snapshot save` leaves it: a small database that was compacted up to some revisions before its last. */
function buildFile(contents: MemberContents): Buffer {
  const { revision, sizeBytes, noSpace = false } = contents;
  const compactRevision = compactedBefore(contents);
  const marker = `k8s\0{"revision":${String(revision)}}`;
  const changes = [
    ...renderOld(contents),
    ...Array.from({ length: revision - compactRevision }, (_, index) =>
      renderLast(compactRevision + 1 + index, contents),
    ),
  ];
  const padding = (bytes: number): ChangePlan => ({
    main: 10,
    key: "/kubernetes.io/configmaps/default/padding",
    value: Buffer.concat([Buffer.from(marker), Buffer.alloc(Math.max(0, bytes))]),
  });
  const small = { compactRevision, noSpace, pageSizeBytes: 1024 };
  return withTrailer(buildDatabase({ ...small, changes: [padding(sizeBytes - 8 * 1024), ...changes] }));
}

/** Up to where the members have compacted. */
function compactedBefore({ revision, deeds }: Pick<MemberContents, "revision" | "deeds">): number {
  return Math.min(revision - kept, ...deeds.map((deed) => deed.revision - 1));
}

/** Older than the compaction, and alive. */
function renderOld({ deeds, aesKey, odd }: MemberContents): readonly ChangePlan[] {
  const plain = Buffer.from("k8s\0a Secret");
  const keys = [
    ...["a", "b", "c"].map((name) => ({
      key: `/kubernetes.io/secrets/default/${name}`,
      value: aesKey === undefined ? plain : encryptOnce(name, plain, aesKey),
    })),
    { key: "/kubernetes.io/namespaces/default", value: "k8s\0Namespace" },
    { key: "/kubernetes.io/configmaps/default/a", value: odd === true ? "k8s\0other" : "k8s\0one" },
    ...deeds.map(({ revision }) => ({ key: leasedKey(revision), value: "k8s\0Event", lease: 7n })),
  ];
  return keys.map((change, index) => ({ main: 20 + index, ...change }));
}

function renderLast(main: number, { deeds }: MemberContents): ChangePlan {
  const deed = deeds.find(({ revision }) => revision === main);
  if (deed?.kind === "expired") return { main, key: leasedKey(main) };
  const name = deed === undefined ? String(main) : "foreign";
  return { main, key: `/kubernetes.io/leases/default/${name}`, value: "k8s\0Lease" };
}

/** The revision in a whole snapshot; undefined for anything else. */
export function findSnapshotRevision(bytes: Buffer): number | undefined {
  const body = bytes.subarray(0, -32);
  if (!createHash("sha256").update(body).digest().equals(bytes.subarray(-32))) return undefined;
  const marker = body.indexOf(`k8s\0{"revision":`);
  const revision = /^k8s\0\{"revision":(\d+)\}/.exec(body.subarray(marker, marker + 100).toString("latin1"))?.[1];
  return revision === undefined ? undefined : Number(revision);
}
