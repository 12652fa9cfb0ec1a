import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOwnedProcess, type OwnedProcess } from "../world/etcd/owned-process.ts";
import { output, restoreSnapshot, type EtcdPrograms } from "./programs.ts";

const startTries = 3;
const longestStartMs = 60_000;

/** A member of a cluster on loopback, without TLS. */
export interface Member {
  readonly url: string;
  readonly peerUrl: string;
  /** An answer of etcd's gateway from JSON to gRPC. */
  call(path: string, body: object, token?: string): Promise<unknown>;
  etcdctl(...args: readonly string[]): Promise<string>;
}

export interface Cluster {
  readonly members: readonly [Member, ...Member[]];
  readonly token: string;
  close(): Promise<void>;
}

export interface ClusterOptions {
  readonly members?: number;
  /** A snapshot on which each member starts. */
  readonly restore?: { readonly file: string; readonly bumped: boolean };
  readonly startTimeoutMs?: number;
}

/** Starts a cluster, new or restored; rejects with etcd's own last words. */
export async function startCluster(programs: EtcdPrograms, options: ClusterOptions = {}): Promise<Cluster> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await tryStart(programs, options);
    } catch (error) {
      // Another process may have taken a port between the look and etcd's start.
      if (attempt === startTries || !String(error).includes("address already in use")) throw error;
    }
}

async function tryStart(programs: EtcdPrograms, options: ClusterOptions): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), "etcd-corpus-"));
  const ports = await findFreePorts((options.members ?? 1) * 2);
  const plans = Array.from({ length: options.members ?? 1 }, (_, index) => ({
    name: `etcd-${String(index)}`,
    url: `http://127.0.0.1:${String(ports[index * 2])}`,
    peerUrl: `http://127.0.0.1:${String(ports[index * 2 + 1])}`,
    dataDirectory: join(folder, `etcd-${String(index)}`),
  }));
  const token = "clusters-example";
  const initialCluster = plans.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(",");
  const processes: OwnedProcess[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.stop()));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    for (const { name, dataDirectory } of plans)
      if (options.restore)
        await restoreSnapshot(programs, options.restore.file, {
          dataDirectory,
          name,
          initialCluster,
          token,
          bumped: options.restore.bumped,
        });
    for (const { name, url, peerUrl, dataDirectory } of plans)
      processes.push(
        startOwnedProcess(programs.etcd, [
          `--name=${name}`,
          `--data-dir=${dataDirectory}`,
          `--listen-client-urls=${url}`,
          `--advertise-client-urls=${url}`,
          `--listen-peer-urls=${peerUrl}`,
          `--initial-advertise-peer-urls=${peerUrl}`,
          `--initial-cluster=${initialCluster}`,
          `--initial-cluster-token=${token}`,
          "--initial-cluster-state=new",
          "--max-txn-ops=2000",
          "--quota-backend-bytes=8589934592",
          ...(programs.line === "3.4" ? [] : ["--unsafe-no-fsync"]),
          ...(plans.length === 1 ? ["--heartbeat-interval=10", "--election-timeout=100"] : []),
          "--logger=zap",
          "--log-level=error",
        ]),
      );
    const [first, ...others] = plans.map((plan) => createMember(programs, plan));
    if (first === undefined) throw new Error("a cluster has a member");
    const members: Cluster["members"] = [first, ...others];
    for (const [index, member] of members.entries())
      await waitUntilServing(member, processes[index], options.startTimeoutMs ?? longestStartMs);
    return { members, token, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createMember(
  programs: EtcdPrograms,
  { url, peerUrl }: { readonly url: string; readonly peerUrl: string },
): Member {
  return {
    url,
    peerUrl,
    call: async (path, body, token) => {
      const headers = { "content-type": "application/json", ...(token === undefined ? {} : { authorization: token }) };
      const answer = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`etcd answered ${String(answer.status)} to ${path}: ${text.slice(0, 300)}`);
      return JSON.parse(text) as unknown;
    },
    etcdctl: (...args) => output(programs.etcdctl, [`--endpoints=${url}`, ...args]),
  };
}

async function waitUntilServing(member: Member, process: OwnedProcess | undefined, timeoutMs: number): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      await member.call("/v3/kv/range", { key: "AA==" });
      return;
    } catch (error) {
      // With auth on, the answer is a refusal, and the member serves.
      if (String(error).includes("user name is empty")) return;
      if (!process?.running() || performance.now() > deadlineMs)
        throw new Error(`etcd did not start: ${process?.errorOutput().slice(-1500) ?? ""}`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Ports that were free a moment ago, all different, and none of those that Linux gives to whoever asks for any. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(10_000, 32_768);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once("error", () => {
      resolve(false);
    });
    server.listen(port, "127.0.0.1", () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
