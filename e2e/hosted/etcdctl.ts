import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { listAt, numberAt, stringAt } from "../../src/hypershift/json-path.ts";
import type { Binaries } from "../binaries.ts";
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
  /** Writes a key that is removed when its lease ends, so many seconds from now. */
  putLeased(key: string, seconds: number): Promise<void>;
  /** Makes the database bigger, by values of 1 MiB. */
  fill(mebibytes: number): Promise<void>;
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
  const print = async (args: readonly string[], input = ""): Promise<string> => {
    const addresses = (await hosted.etcdAddresses()).filter((address) => address !== except);
    const endpoints = addresses.map((address) => `https://${address}:2379`).join(",");
    const connection = [
      ...[`--endpoints=${endpoints}`, `--cacert=${file("ca.crt")}`, `--cert=${file("client.crt")}`],
      // The certificate has no IP address among its names.
      ...[`--key=${file("client.key")}`, "--insecure-skip-tls-verify"],
    ];
    return runCommand(join(parts.binaries.etcd36, "etcdctl"), [...connection, ...args], { input });
  };
  const call = async (...args: readonly string[]): Promise<unknown> =>
    JSON.parse(await print(["--write-out=json", ...args]));
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
    },
    fill: async (mebibytes) => {
      for (let index = 0; index < mebibytes; index += 1) {
        const value = randomBytes(mebibyte / 2).toString("hex");
        await print(["put", `/kubernetes.io/filler/${String(index)}`], value);
      }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
