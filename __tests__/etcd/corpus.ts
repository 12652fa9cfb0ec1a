import { randomBytes } from "node:crypto";
import { at, stringAt } from "../../src/json-path.ts";
import type { Cluster, Member } from "./cluster.ts";
import type { EtcdPrograms } from "./programs.ts";

/** A keyspace that real etcd is to have when its snapshot is taken. */
export interface Corpus {
  readonly name: string;
  fill(member: Member, programs: EtcdPrograms): Promise<void>;
}

const base64 = (text: string | Buffer): string => Buffer.from(text).toString("base64");

export async function put(member: Member, key: string, value: string | Buffer, lease?: string): Promise<number> {
  const body = { key: base64(key), value: base64(value), ...(lease === undefined ? {} : { lease }) };
  return Number(at(await member.call("/v3/kv/put", body), "header", "revision"));
}

export async function remove(member: Member, key: string): Promise<void> {
  await member.call("/v3/kv/deleterange", { key: base64(key) });
}

export async function putAll(member: Member, entries: readonly (readonly [string, string | Buffer])[]): Promise<void> {
  const success = entries.map(([key, value]) => ({ requestPut: { key: base64(key), value: base64(value) } }));
  await member.call("/v3/kv/txn", { success });
}

export async function compact(member: Member, revision: number): Promise<void> {
  await member.call("/v3/kv/compaction", { revision: String(revision), physical: true });
}

export async function grantLease(member: Member, ttlSeconds: number): Promise<string> {
  return stringAt(await member.call("/v3/lease/grant", { TTL: String(ttlSeconds) }), "ID") ?? "";
}

/** Makes the raft log longer than the start of a cluster does, and changes nothing else. */
export async function lengthenLog(member: Member): Promise<void> {
  for (let index = 0; index < 5; index += 1)
    await member.call("/v3/lease/revoke", { ID: await grantLease(member, 3600) });
}

export async function currentRevision(member: Member): Promise<number> {
  return Number(at(await member.call("/v3/kv/range", { key: base64("\0") }), "header", "revision"));
}

export const podKey = (index: number): string => `/kubernetes.io/pods/default/pod-${String(index).padStart(6, "0")}`;

async function fillHistory(member: Member): Promise<void> {
  for (let round = 0; round < 3; round += 1)
    for (let index = 0; index < 40; index += 1) await put(member, podKey(index), `k8s\0${String(round)}`);
  for (let index = 0; index < 40; index += 2) await remove(member, podKey(index));
  await put(member, podKey(0), "again");
}

export const corpora: readonly Corpus[] = [
  { name: "empty", fill: () => Promise.resolve() },
  {
    name: "one key",
    fill: async (member) => {
      await put(member, "/kubernetes.io/namespaces/default", "k8s\0x");
    },
  },
  {
    name: "one key, deleted and compacted",
    fill: async (member) => {
      await put(member, "/kubernetes.io/namespaces/default", "k8s\0x");
      await remove(member, "/kubernetes.io/namespaces/default");
      await compact(member, 3);
    },
  },
  {
    name: "100,000 keys",
    fill: async (member) => {
      for (let index = 0; index < 100_000; index += 1000)
        await putAll(
          member,
          Array.from({ length: 1000 }, (_, offset) => [podKey(index + offset), `k8s\0${"v".repeat(offset % 300)}`]),
        );
    },
  },
  {
    name: "values of 1.5 MiB",
    fill: async (member) => {
      for (let index = 0; index < 6; index += 1)
        await put(member, `/kubernetes.io/configmaps/default/large-${String(index % 4)}`, randomBytes(1_570_000));
    },
  },
  { name: "half tombstones", fill: fillHistory },
  {
    name: "compacted",
    fill: async (member) => {
      await fillHistory(member);
      await compact(member, 90);
      for (let index = 0; index < 10; index += 1) await put(member, podKey(index), "after");
    },
  },
  {
    name: "compacted at a deletion, and defragmented",
    fill: async (member) => {
      await fillHistory(member);
      await compact(member, 131);
      await member.etcdctl("defrag");
      for (let index = 0; index < 10; index += 1) await remove(member, podKey(index));
    },
  },
  {
    name: "leases",
    fill: async (member) => {
      const lasting = await grantLease(member, 3600);
      const ending = await grantLease(member, 3600);
      for (let index = 0; index < 10; index += 1)
        await put(member, `/kubernetes.io/events/default/${String(index)}`, "e", index % 2 ? lasting : ending);
      await member.call("/v3/lease/revoke", { ID: ending });
    },
  },
  {
    name: "transactions of several puts",
    fill: async (member) => {
      for (let round = 0; round < 20; round += 1)
        await putAll(member, [
          ["/kubernetes.io/secrets/default/z", `z${String(round)}`],
          ["/kubernetes.io/secrets/default/a", `a${String(round)}`],
          [`/kubernetes.io/example.com/things/default/${String(round)}`, "{}"],
        ]);
      await compact(member, 10);
    },
  },
  {
    name: "many pages freed",
    fill: async (member) => {
      for (let index = 0; index < 400; index += 1) await put(member, podKey(index % 20), randomBytes(20_000));
      await compact(member, 390);
    },
  },
  {
    name: "auth",
    fill: async (member) => {
      await fillHistory(member);
      await member.etcdctl("user", "add", "root", "--new-user-password=example");
      await member.etcdctl("role", "add", "reader");
      await member.etcdctl("user", "grant-role", "root", "root");
      await member.etcdctl("auth", "enable");
    },
  },
];

/** Saves a snapshot of a member. */
export async function save(cluster: Cluster, file: string, login: readonly string[] = []): Promise<void> {
  await cluster.members[0].etcdctl(...login, "snapshot", "save", file);
}
