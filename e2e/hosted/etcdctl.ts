import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listAt, numberAt, stringAt } from "../../src/json-path.ts";
import type { Binaries } from "../binaries.ts";
import { createKubeClient, type KubeClient } from "../cluster/kube-client.ts";
import type { Layout } from "../cluster/layout.ts";
import { runCommand } from "../command.ts";
import type { HostedCluster } from "./hosted-cluster.ts";
import { counterPrefix } from "./writers.ts";

/** Looks into a hosted etcd from outside of its pods. */
export interface EtcdView {
  /** Every counter, by the pod that counted. */
  counters(): Promise<Readonly<Record<string, number>>>;
  /** HashKV of each member at a revision. */
  hashes(revision: number): Promise<readonly number[]>;
  /** The newest one. */
  revision(): Promise<number>;
  /** The raw value, as text; undefined where there is no such key. */
  get(key: string): Promise<string | undefined>;
  /** Writes a key that is removed when its lease ends, so many seconds from now; returns what ends it earlier. */
  putLeased(key: string, seconds: number): Promise<() => Promise<void>>;
  put(key: string, value: string): Promise<void>;
  /** Takes the history up to a revision away, as kube-apiserver does every five minutes. */
  compact(revision: number): Promise<void>;
  /** Ids of the members in hex, by their names; a learner that never started has none. */
  memberIds(): Promise<Readonly<Record<string, string>>>;
  /** Adds a member without a vote, which does not run yet; returns its id in hex. */
  addLearner(name: string): Promise<string>;
  /** Gives a learner that has what the others have a vote. */
  promote(id: string): Promise<void>;
  removeMember(id: string): Promise<void>;
  /** As a member raises it that has no space left. */
  raiseNoSpace(memberId: string): Promise<void>;
  disarm(): Promise<void>;
  /** Makes the database bigger, by values of 1 MiB, whose keys are numbered from `first` on; default 0. */
  fill(mebibytes: number, first?: number): Promise<void>;
  close(): Promise<void>;
}

const mebibyte = 1024 ** 2;

/** `except` is the address of a member that is not asked. */
export async function viewEtcd(layout: Layout, hosted: HostedCluster, except?: string): Promise<EtcdView> {
  const parts = JSON.parse(await readFile(join(layout.work, "parts.json"), "utf8")) as { binaries: Binaries };
  const folder = await mkdtemp(join(layout.work, "etcdctl-"));
  const file = (name: string): string => join(folder, name);
  const { authority, client } = hosted.etcdPki;
  await writeFile(file("ca.crt"), authority.certificate);
  await writeFile(file("client.crt"), client.certificate);
  await writeFile(file("client.key"), client.privateKey, { mode: 0o600 });
  const findAddresses = async (): Promise<readonly string[]> =>
    (await hosted.etcdAddresses()).filter((address) => address !== except);
  const print = async (args: readonly string[], input = ""): Promise<string> => {
    const endpoints = (await findAddresses()).map((address) => `https://${address}:2379`).join(",");
    const connection = [
      ...[`--endpoints=${endpoints}`, `--cacert=${file("ca.crt")}`, `--cert=${file("client.crt")}`],
      // The certificate has no IP address among its names.
      ...[`--key=${file("client.key")}`, "--insecure-skip-tls-verify"],
      // On a busy machine five seconds are not much.
      "--command-timeout=60s",
    ];
    return runCommand(join(parts.binaries.etcd36, "etcdctl"), [...connection, ...args], { input });
  };
  const call = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse(await print(["--write-out=json", ...args]));
  const openGateway = async (): Promise<KubeClient> => {
    const [address = ""] = await findAddresses();
    const url = `https://${address}:2379`;
    return createKubeClient({ url, ca: authority.certificate, ...client, serverName: "localhost" });
  };
  const decode = (text: string | undefined): string => Buffer.from(text ?? "", "base64").toString("latin1");
  const values = async (...args: readonly string[]): Promise<readonly (readonly [string, string])[]> =>
    listAt(await call("get", ...args), "kvs").map((pair) => [
      decode(stringAt(pair, "key")),
      decode(stringAt(pair, "value")),
    ]);
  return {
    counters: async () =>
      Object.fromEntries(
        (await values("--prefix", counterPrefix)).map(([key, value]) => [
          key.slice(counterPrefix.length),
          Number(value),
        ]),
      ),
    hashes: async (revision) => {
      const answer = await call("endpoint", "hashkv", `--rev=${String(revision)}`);
      return (Array.isArray(answer) ? answer : []).map((member) => numberAt(member, "HashKV", "hash") ?? 0);
    },
    revision: async () => numberAt(await call("get", "/"), "header", "revision") ?? 0,
    get: async (key) => (await values(key))[0]?.[1],
    putLeased: async (key, seconds) => {
      // In JSON its id would be a number that is too large.
      const [, lease = ""] = /^lease ([0-9a-f]+) /.exec(await print(["lease", "grant", String(seconds)])) ?? [];
      await print(["put", `--lease=${lease}`, key, "leased"]);
      return async () => {
        await print(["lease", "revoke", lease]);
      };
    },
    put: async (key, value) => {
      await print(["put", key, value]);
    },
    compact: async (revision) => {
      await print(["compact", String(revision)]);
    },
    memberIds: async () =>
      Object.fromEntries(
        (await print(["member", "list"])).split("\n").flatMap((line) => {
          const [id = "", , name = ""] = line.split(", ");
          return name === "" ? [] : [[name, id]];
        }),
      ),
    addLearner: async (learner) => {
      const peer = `--peer-urls=https://${learner}.etcd-discovery.${hosted.controlPlaneNamespace}.svc:2380`;
      const [, id = ""] =
        /^Member +([0-9a-f]+) added/.exec(await print(["member", "add", learner, "--learner", peer])) ?? [];
      return id;
    },
    promote: async (id) => {
      await print(["member", "promote", id]);
    },
    removeMember: async (id) => {
      await print(["member", "remove", id]);
    },
    raiseNoSpace: async (memberId) => {
      const gateway = await openGateway();
      // etcdctl can list and disarm alarms, and not raise one.
      const body = { action: "ACTIVATE", memberID: BigInt(`0x${memberId}`).toString(), alarm: "NOSPACE" };
      await gateway.call("POST", "/v3/maintenance/alarm", { body });
      gateway.close();
    },
    disarm: async () => {
      await print(["alarm", "disarm"]);
    },
    fill: async (mebibytes, first = 0) => {
      const gateway = await openGateway();
      const indexes = Array.from({ length: mebibytes }, (_, index) => first + index).values();
      const key = (index: number): string => Buffer.from(`/kubernetes.io/filler/${String(index)}`).toString("base64");
      const put = async (): Promise<void> => {
        for (const index of indexes) {
          const value = randomBytes(mebibyte).toString("base64");
          await gateway.call("POST", "/v3/kv/put", { body: { key: key(index), value }, timeoutMs: 60_000 });
        }
      };
      await Promise.all([put(), put()]);
      gateway.close();
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
