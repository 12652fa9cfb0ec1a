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
  /** The raw value, as text; undefined where there is no such key. */
  get(key: string): Promise<string | undefined>;
  /** Makes the database bigger, by values of 1 MiB. */
  fill(mebibytes: number): Promise<void>;
  close(): Promise<void>;
}

const mebibyte = 1024 ** 2;

export async function viewEtcd(layout: Layout, hosted: HostedCluster): Promise<EtcdView> {
  const parts = JSON.parse(await readFile(join(layout.work, "parts.json"), "utf8")) as { binaries: Binaries };
  const folder = await mkdtemp(join(layout.work, "etcdctl-"));
  const file = (name: string): string => join(folder, name);
  const { authority, client } = hosted.etcdPki;
  await writeFile(file("ca.crt"), authority.certificate);
  await writeFile(file("client.crt"), client.certificate);
  await writeFile(file("client.key"), client.privateKey, { mode: 0o600 });
  const run = async (args: readonly string[], input = ""): Promise<unknown> => {
    const endpoints = (await hosted.etcdAddresses()).map((address) => `https://${address}:2379`).join(",");
    const connection = [
      ...[`--endpoints=${endpoints}`, `--cacert=${file("ca.crt")}`, `--cert=${file("client.crt")}`],
      // The certificate has no IP address among its names.
      ...[`--key=${file("client.key")}`, "--insecure-skip-tls-verify", "--write-out=json"],
    ];
    return JSON.parse(await runCommand(join(parts.binaries.etcd36, "etcdctl"), [...connection, ...args], { input }));
  };
  const call = (...args: readonly string[]): Promise<unknown> => run(args);
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
    get: async (key) => (await values(key))[0]?.[1],
    fill: async (mebibytes) => {
      for (let index = 0; index < mebibytes; index += 1) {
        const value = randomBytes(mebibyte / 2).toString("hex");
        await run(["put", `/kubernetes.io/filler/${String(index)}`], value);
      }
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
}
