import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCertificateAuthority, type CertificateAuthority } from "../certificates.ts";
import { findEtcdBinaries, type EtcdBinaries } from "./binaries.ts";
import { createEtcdClient, type EtcdClient } from "./client.ts";
import { startOwnedProcess, type OwnedProcess } from "./owned-process.ts";

export interface EtcdOptions {
  /** Default: an authority of its own. */
  readonly ca?: CertificateAuthority;
  /** Namespace in the server certificate's names. */
  readonly namespace?: string;
  /** A data directory that exists already, of a restored snapshot; it is used where it is. */
  readonly dataDirectory?: string;
}

export interface EtcdClusterOptions extends EtcdOptions {
  readonly members: number;
}

/** An etcd member in a directory that stands for its container's file system. */
export interface RunningEtcd {
  /** Pod name, and name of the member: `etcd-0`. */
  readonly name: string;
  /** Stands for `/` of the container: var/lib/data, etc/etcd/tls/…, tmp. */
  readonly root: string;
  readonly dataDirectory: string;
  /** Of https://localhost, with client certificates; stands for 2379. */
  readonly port: number;
  readonly client: EtcdClient;
  readonly binaries: EtcdBinaries;
  /** Arguments with which etcdctl reaches it from outside the container. */
  readonly connectArguments: readonly string[];
  /** The last lines that etcd logged. */
  errorOutput(): string;
  /** Ends etcd and removes its directory. */
  close(): Promise<void>;
}

/** More than HyperShift's 8 GiB, which a bench fills nearly whole: etcd counts the free pages of its file, too. */
const quotaBytes = 12 * 1024 ** 3;
const startTries = 3;
const startTimeoutMs = 120_000;

/** Starts one etcd with TLS and client certificates as HyperShift's StatefulSet does. Throws with etcd's own last words. */
export async function startEtcd(options: EtcdOptions = {}): Promise<RunningEtcd> {
  const [etcd] = await startMembers(1, options);
  if (etcd === undefined) throw new Error("no etcd was started");
  return etcd;
}

/** Starts the members of one cluster. */
export function startEtcdCluster(options: EtcdClusterOptions): Promise<readonly RunningEtcd[]> {
  return startMembers(options.members, options);
}

async function startMembers(count: number, options: EtcdOptions): Promise<readonly RunningEtcd[]> {
  const binaries = await findEtcdBinaries();
  const ca = options.ca ?? (await createCertificateAuthority("etcd-signer"));
  for (let attempt = 1; ; attempt += 1) {
    const ports = await findFreePorts(count * 2);
    const plans = Array.from({ length: count }, (_, index) => ({
      name: `etcd-${String(index)}`,
      port: ports[index * 2] ?? 0,
      peerPort: ports[index * 2 + 1] ?? 0,
    }));
    const initialCluster = plans.map(({ name, peerPort }) => `${name}=https://localhost:${String(peerPort)}`).join(",");
    const started = await Promise.allSettled(
      plans.map((plan) => startMember({ ...plan, initialCluster, members: count, ca, binaries, options })),
    );
    const members = started.filter((result) => result.status === "fulfilled").map((result) => result.value);
    const failed = started.find((result) => result.status === "rejected");
    if (failed === undefined) return members;
    await Promise.all(members.map((member) => member.close()));
    // Another process may have taken a port between the look and etcd's start.
    if (attempt === startTries || !String(failed.reason).includes("address already in use")) throw failed.reason;
  }
}

interface MemberPlan {
  readonly name: string;
  readonly port: number;
  readonly peerPort: number;
  readonly initialCluster: string;
  readonly members: number;
  readonly ca: CertificateAuthority;
  readonly binaries: EtcdBinaries;
  readonly options: EtcdOptions;
}

async function startMember(plan: MemberPlan): Promise<RunningEtcd> {
  const { name, port, binaries, ca } = plan;
  const root = await mkdtemp(join(tmpdir(), "etcd-container-"));
  const dataDirectory = plan.options.dataDirectory ?? join(root, "var", "lib", "data");
  const identity = await writeFileSystem(root, ca, plan.options.namespace ?? "clusters-example");
  const etcd = startOwnedProcess(binaries.etcd, memberArguments(plan, root, dataDirectory), { cwd: root });
  const tls = join(root, "etc", "etcd", "tls");
  const connectArguments = [
    `--endpoints=https://localhost:${String(port)}`,
    `--cacert=${join(tls, "etcd-ca", "ca.crt")}`,
    `--cert=${join(tls, "client", "etcd-client.crt")}`,
    `--key=${join(tls, "client", "etcd-client.key")}`,
  ];
  const { etcdctl } = binaries;
  const client = createEtcdClient(port, ca.certificate, identity, { etcdctl, connectArguments });
  const close = async (): Promise<void> => {
    client.close();
    await etcd.stop();
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await waitUntilServing(etcd, client);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    name,
    root,
    dataDirectory,
    port,
    client,
    binaries,
    connectArguments,
    errorOutput: etcd.errorOutput,
    close,
  };
}

function memberArguments(plan: MemberPlan, root: string, dataDirectory: string): readonly string[] {
  const tls = join(root, "etc", "etcd", "tls");
  const authority = join(tls, "etcd-ca", "ca.crt");
  const flags: Readonly<Record<string, string>> = {
    name: plan.name,
    "data-dir": dataDirectory,
    "quota-backend-bytes": String(quotaBytes),
    "snapshot-count": "10000",
    "listen-client-urls": `https://127.0.0.1:${String(plan.port)}`,
    "advertise-client-urls": `https://localhost:${String(plan.port)}`,
    "listen-peer-urls": `https://127.0.0.1:${String(plan.peerPort)}`,
    "initial-advertise-peer-urls": `https://localhost:${String(plan.peerPort)}`,
    "initial-cluster": plan.initialCluster,
    "initial-cluster-state": "new",
    "cert-file": join(tls, "server", "server.crt"),
    "key-file": join(tls, "server", "server.key"),
    "trusted-ca-file": authority,
    "peer-cert-file": join(tls, "peer", "peer.crt"),
    "peer-key-file": join(tls, "peer", "peer.key"),
    "peer-trusted-ca-file": authority,
    // One member elects itself without asking anybody: it need not wait a second for that.
    ...(plan.members === 1 ? { "heartbeat-interval": "10", "election-timeout": "100" } : {}),
    logger: "zap",
    "log-level": "warn",
  };
  return [
    ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`),
    "--client-cert-auth",
    "--peer-client-cert-auth",
  ];
}

/** The files that the container of HyperShift's StatefulSet has, and its writable directories. */
async function writeFileSystem(
  root: string,
  ca: CertificateAuthority,
  namespace: string,
): ReturnType<CertificateAuthority["issue"]> {
  const tls = join(root, "etc", "etcd", "tls");
  for (const directory of ["client", "server", "peer", "etcd-ca"])
    await mkdir(join(tls, directory), { recursive: true });
  for (const directory of ["var/lib", "tmp", "etc/etcd/clusterstate"])
    await mkdir(join(root, directory), { recursive: true });
  // No IP address among the names: https://127.0.0.1 fails in HyperShift, https://localhost works.
  const server = await ca.issue(
    { commonName: "etcd-server" },
    {
      names: [
        `etcd-client.${namespace}.svc`,
        `etcd-client.${namespace}.svc.cluster.local`,
        "etcd-client",
        `*.etcd-discovery.${namespace}.svc`,
        `*.etcd-discovery.${namespace}.svc.cluster.local`,
        "localhost",
      ],
    },
  );
  const peer = await ca.issue(
    { commonName: "etcd-discovery" },
    { names: [`*.etcd-discovery.${namespace}.svc`, "localhost"] },
  );
  const client = await ca.issue({ commonName: "etcd-client", organization: "kubernetes" });
  await writeFile(join(tls, "etcd-ca", "ca.crt"), ca.certificate);
  for (const [path, pair] of [
    ["server/server", server],
    ["peer/peer", peer],
    ["client/etcd-client", client],
  ] as const) {
    await writeFile(join(tls, `${path}.crt`), pair.certificate);
    await writeFile(join(tls, `${path}.key`), pair.privateKey, { mode: 0o600 });
  }
  return client;
}

async function waitUntilServing(etcd: OwnedProcess, client: EtcdClient): Promise<void> {
  const deadlineMs = performance.now() + startTimeoutMs;
  for (;;) {
    try {
      await client.revision();
      return;
    } catch (error) {
      if (!etcd.running() || performance.now() > deadlineMs)
        throw new Error(`etcd did not start: ${etcd.errorOutput().slice(-2000)}`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** Ports that were free a moment ago, all different. */
async function findFreePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer().once("error", reject);
          server.listen(0, "127.0.0.1", () => {
            resolve(server);
          });
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
