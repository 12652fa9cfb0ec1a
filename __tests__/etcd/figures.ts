import { createHash } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { expect } from "vitest";
import { predictCluster } from "../../src/etcd/prediction.ts";
import { readSnapshot, type Snapshot, type SnapshotOptions } from "../../src/etcd/snapshot.ts";
import { at, listAt, numberAt, stringAt } from "../../src/json-path.ts";
import { createFileSource } from "../../src/snapshots/file.ts";
import { startCluster, type Cluster, type ClusterOptions, type Member } from "./cluster.ts";
import { save } from "./corpus.ts";
import { snapshotStatus, type EtcdPrograms } from "./programs.ts";

export async function readFile(file: string, options: SnapshotOptions = {}): Promise<Snapshot> {
  const handle = await open(file);
  try {
    return await readSnapshot(await createFileSource(handle), options);
  } finally {
    await handle.close();
  }
}

export interface MemberHash {
  readonly revision: number;
  readonly compactRevision: number;
  readonly hash: number;
}

/** HashKV of a member at its own revision, by etcdctl; `words` are further arguments. */
export async function askHashKv(member: Member, words: readonly string[] = []): Promise<MemberHash> {
  const answer = at(JSON.parse(await member.etcdctl("endpoint", "hashkv", "--write-out=json", ...words)), 0, "HashKV");
  return {
    revision: numberAt(answer, "header", "revision") ?? 0,
    compactRevision: numberAt(answer, "compact_revision") ?? 0,
    hash: numberAt(answer, "hash") ?? 0,
  };
}

/** The file says what `snapshot status` of the release says, and its HashKV is the member's. */
export async function expectFigures(programs: EtcdPrograms, file: string, member: MemberHash): Promise<Snapshot> {
  const status = await snapshotStatus(programs, file);
  const snapshot = await readFile(file, { hashKvAt: member });
  expect({ hash: snapshot.hash, revision: snapshot.revision, hashKv: snapshot.hashKvAt }).toStrictEqual({
    hash: status.hash.toString(16).padStart(8, "0"),
    revision: status.revision,
    hashKv: { revision: member.revision, compactRevision: member.compactRevision, hash: member.hash },
  });
  const countsAll = programs.line === "3.4" || programs.line === "3.5";
  expect(countsAll ? snapshot.entries : snapshot.liveKeys).toBe(status.totalKey);
  if (!countsAll) expect(snapshot.storageVersion ?? "").toBe(status.version);
  return snapshot;
}

/** Members started on the file answer what was predicted, and hold the same live keys. */
export async function expectPrediction(
  programs: EtcdPrograms,
  snapshot: Snapshot,
  options: Required<Pick<ClusterOptions, "restore" | "members">> & {
    readonly login?: readonly string[];
    /** Of a member that serves as predicted. */
    readonly then?: (cluster: Cluster) => Promise<void>;
  },
): Promise<void> {
  const predicted = options.restore.bumped ? snapshot.prediction.bumped : snapshot.prediction.plain;
  const cluster = await startCluster(programs, options);
  try {
    const ids = predictCluster(
      cluster.members.map(({ peerUrl }) => ({ peerUrls: [peerUrl] })),
      cluster.token,
    );
    for (const [index, member] of cluster.members.entries()) {
      const hash = await askHashKv(member, options.login);
      expect({ revision: hash.revision, hashKV: hash.hash }).toStrictEqual(predicted);
      if (options.login) continue;
      const read = await member.call("/v3/kv/range", { key: "AA==", range_end: "AA==" });
      expect({
        clusterId: hexOf(stringAt(read, "header", "cluster_id")),
        memberId: hexOf(stringAt(read, "header", "member_id")),
      }).toStrictEqual({ clusterId: ids.clusterId, memberId: ids.memberIds[index] });
      expect(digestOf(read)).toStrictEqual(snapshot.liveSet);
    }
    if (!options.login) await expectNewLog(cluster, snapshot, `${options.restore.file}.restored`);
    await options.then?.(cluster);
  } finally {
    await cluster.close();
  }
}

/** A restore begins the raft log anew: what tells it from an etcd that goes on. */
async function expectNewLog(cluster: Cluster, stored: Snapshot, file: string): Promise<void> {
  await save(cluster, file);
  const { consistentIndex } = await readFile(file);
  await rm(file);
  expect(consistentIndex).toBeLessThan(stored.consistentIndex);
}

function hexOf(decimal: string | undefined): string {
  return BigInt(decimal ?? "0").toString(16);
}

/** The live set of an answer to Range, computed as docs/proof.md says, from nothing but these words. */
function digestOf(range: unknown): Snapshot["liveSet"] {
  const number = (entry: unknown, name: string): bigint => BigInt(stringAt(entry, name) ?? "0");
  const entries = listAt(range, "kvs").map((entry) => ({
    key: Buffer.from(stringAt(entry, "key") ?? "", "base64"),
    value: Buffer.from(stringAt(entry, "value") ?? "", "base64"),
    numbers: ["create_revision", "mod_revision", "version", "lease"].map((name) => number(entry, name)),
    mod: number(entry, "mod_revision"),
  }));
  entries.sort((one, other) => Number(one.mod - other.mod) || one.key.compare(other.key));
  const hash = createHash("sha256");
  let valueBytes = 0;
  for (const { key, value, numbers } of entries) {
    for (const each of [...numbers, BigInt(key.length), BigInt(value.length)]) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(each);
      hash.update(bytes);
    }
    hash.update(key).update(value);
    valueBytes += value.length;
  }
  return { keys: entries.length, valueBytes, sha256: hash.digest("hex") };
}
