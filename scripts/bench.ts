/**
 * Measures what the action promises, in one run, so that the ratios hold whatever the machine: downtime and memory that do
 * not grow with the database, and a transfer near to what exec and the store can do, also over a long line. With `--write` the
 * table goes into docs/performance.md; with `--large` there is a column of 7 GiB, whose file is nearly as large as HyperShift
 * lets an etcd become; `--small` is a look whether it runs. It is no test: a busy machine makes every figure worse.
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { numberAt } from "../src/json-path.ts";
import { startWorld, type StepInputs, type World } from "../__tests__/world/world.ts";
import { createBuckets } from "../__tests__/s3/buckets.ts";
import { startServer, type S3Server } from "../__tests__/s3/server.ts";
import type { StoreSettings } from "../src/adapters/s3/client.ts";
import type { ExecJob, UploadJob } from "./bench/client.ts";
import { createLine } from "./bench/line.ts";

const mebibyte = 1024 * 1024;
const sizes = process.argv.includes("--small") ? [64] : [64, 1024, ...(process.argv.includes("--large") ? [7168] : [])];
/** 50 ms and 100 Mbit/s: a runner in the cloud, and a management cluster of one's own. */
const distance = { roundTripMs: 50, bitsPerSecond: 100_000_000 };
/** More of them only takes longer. */
const distantBytes = 64 * mebibyte;
const gatewayBucket = "snapshots";
/** `--profile=FOLDER`: where the time of each client goes, for the developer tools of a browser. */
const profiles = process.argv.find((argument) => argument.startsWith("--profile="))?.slice("--profile=".length);
const profiling = profiles === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profiles}`];
const report = join(import.meta.dirname, "../docs/performance.md");

interface BackupFigures {
  readonly snapshotMiB: number;
  readonly firstRequestMs: number;
  readonly goneToScaleUpMs: number;
  readonly apiDowntimeSeconds: number;
  readonly transferMiBPerSecond: number;
  readonly peakMiB: number;
  readonly apiRequests: number;
}

const gateway = await startServer("rados-gateway");
const rows: (readonly [string, ...string[]])[] = [];
const figures: BackupFigures[] = [];
const rates: {
  parts: number;
  socket: number;
  upload: number;
  gateway: number;
  transfer: number;
  distant?: { readonly streams: number; readonly execs: number };
}[] = [];
try {
  await createBuckets(gateway.server);
  for (const size of sizes) {
    // A volume on which the snapshot has room beside the database.
    const switches = { volumeSizeBytes: 64 * 1024 * mebibyte };
    const world = await startWorld({ cluster: { fill: { sizeBytes: size * mebibyte }, switches } });
    try {
      const embedded = await backUp(world, world.backupInputs(), world.env);
      const real = await backUp(world, gatewayInputs(world, gateway.server), gatewayEnvironment(gateway.server));
      figures.push(embedded);
      rates.push({
        ...(await readRates(world, size * mebibyte)),
        ...(size === sizes[0] ? { distant: await readDistantRates(world) } : {}),
        upload: await runClient(uploadJob(gateway.server, size * mebibyte), gatewayEnvironment(gateway.server)),
        gateway: real.transferMiBPerSecond,
      });
      console.log(`measured ${String(size)} MiB`);
    } finally {
      await world.close();
    }
  }
} finally {
  await gateway.close();
}

const row = (name: string, goal: string, values: readonly string[]): void => {
  rows.push([name, ...values, goal]);
};
const rounded = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
const ofFigures = (read: (figure: BackupFigures) => number): string[] => figures.map((figure) => rounded(read(figure)));
const ofRates = (read: (rate: (typeof rates)[number]) => number): string[] => rates.map((rate) => rounded(read(rate)));
row(
  "snapshot, MiB",
  "",
  ofFigures(({ snapshotMiB }) => snapshotMiB),
);
row(
  "start to first request, ms",
  "350 at most",
  ofFigures(({ firstRequestMs }) => firstRequestMs),
);
row(
  "last writer gone to scale-up sent, ms",
  "1000 at most, the same for both",
  ofFigures((figure) => figure.goneToScaleUpMs),
);
row(
  "API downtime, pods of the embedded world, s",
  "the same for both",
  ofFigures((figure) => figure.apiDowntimeSeconds),
);
row(
  "peak memory, MiB",
  "300 at most, 20 % more at most",
  ofFigures(({ peakMiB }) => peakMiB),
);
row(
  "exec in parts with both hashes, MiB/s",
  "",
  ofRates(({ parts }) => parts),
);
row(
  "exec by a bare socket with SHA-256, MiB/s",
  "",
  ofRates(({ socket }) => socket),
);
row(
  "parts to bare socket",
  "",
  rates.map(({ parts, socket }) => (parts / socket).toFixed(2)),
);
row(
  "requests to the API server, execs among them",
  "155 at most on a real cluster",
  ofFigures(({ apiRequests }) => apiRequests),
);
row(
  "pod to RADOS gateway by the client alone, MiB/s",
  "",
  ofRates(({ transfer }) => transfer),
);
row(
  "pod to RADOS gateway, MiB/s",
  "",
  ofRates((rate) => rate.gateway),
);
row(
  "memory to RADOS gateway, MiB/s",
  "",
  ofRates(({ upload }) => upload),
);
row(
  "pod to memory",
  "",
  rates.map((rate) => (rate.gateway / rate.upload).toFixed(2)),
);
row(
  "the client alone, to memory",
  "0.70",
  rates.map((rate) => (rate.transfer / rate.upload).toFixed(2)),
);
const ofDistant = (read: (distant: { streams: number; execs: number }) => string): string[] =>
  rates.map(({ distant }) => (distant === undefined ? "" : read(distant)));
row(
  "50 ms and 100 Mbit/s away: pod to RADOS gateway, 64 MiB, MiB/s",
  "",
  ofDistant(({ streams }) => rounded(streams)),
);
row(
  "the same with an exec for each part, MiB/s",
  "",
  ofDistant(({ execs }) => rounded(execs)),
);
const table = renderTable();
console.log(table);
if (process.argv.includes("--write")) writeTable(table);

async function backUp(world: World, inputs: StepInputs, env: Readonly<Record<string, string>>): Promise<BackupFigures> {
  const seen = world.cluster.requests.length;
  const startedMs = Date.now();
  const step = await world.start(inputs, { env });
  let peakKiB = 0;
  const sampler = setInterval(() => {
    peakKiB = Math.max(peakKiB, readPeakKiB(step.pid));
  }, 20);
  const result = await step.result;
  clearInterval(sampler);
  if (result.exitCode !== 0) throw new Error(`the backup failed:\n${result.log}`);
  if (peakKiB === 0) throw new Error("the memory of the backup could not be read");
  const requests = world.cluster.requests.slice(seen);
  const scaleUp = requests.find(
    ({ resource, body, dryRun }) =>
      resource === "deployments/scale" && !dryRun && (numberAt(body, "spec", "replicas") ?? 0) > 0,
  );
  const lastWriteMs = Math.max(...Object.values(world.cluster.lastWrites).map((writes) => writes.at(-1)?.at ?? 0));
  const sent = /sent ([\d.]+) (MiB|GiB) in ([\d.]+) s/.exec(result.log);
  const sentMiB = Number(sent?.[1]) * (sent?.[2] === "GiB" ? 1024 : 1);
  return {
    snapshotMiB: Number(result.outputs["snapshot-size-bytes"]) / mebibyte,
    firstRequestMs: (requests[0]?.at ?? NaN) - startedMs,
    goneToScaleUpMs: (scaleUp?.at ?? NaN) - lastWriteMs,
    apiDowntimeSeconds: Number(result.outputs["api-downtime-seconds"]),
    transferMiBPerSecond: sentMiB / Number(sent?.[3]),
    peakMiB: peakKiB / 1024,
    apiRequests: requests.length,
  };
}

/** The largest resident size so far, of a process of this machine; 0 when it has not begun, or has ended. */
function readPeakKiB(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function readRates(
  world: World,
  sizeBytes: number,
): Promise<{ parts: number; socket: number; transfer: number }> {
  const { file, path } = placeOf(world);
  writeSnapshot(path, sizeBytes);
  const job = {
    kubeconfig: await world.cluster.kubeconfig(),
    namespace: world.cluster.controlPlaneNamespace,
    file,
    sizeBytes,
  };
  const socket = await runClient({ ...job, kind: "socket" }, {});
  const parts = await runClient({ ...job, kind: "parts" }, {});
  const store = storeSettings(gateway.server);
  const transfer = await runClient({ ...job, kind: "transfer", store }, gatewayEnvironment(gateway.server));
  rmSync(path);
  return { parts, socket, transfer };
}

/** Cluster and store at the other end of one long line. */
async function readDistantRates(world: World): Promise<{ streams: number; execs: number }> {
  const { file, path } = placeOf(world);
  writeSnapshot(path, distantBytes);
  const line = createLine(distance);
  try {
    const kubeconfig = await world.cluster.kubeconfig();
    const [, clusterPort = ""] = /server: https:\/\/[^:\s]+:(\d+)/.exec(kubeconfig) ?? [];
    const endpoint = new URL(gateway.server.endpoint);
    const farCluster = await line.open(Number(clusterPort));
    const farStore = await line.open(Number(endpoint.port));
    endpoint.port = String(farStore);
    const job = {
      kubeconfig: kubeconfig.replace(`:${clusterPort}`, `:${String(farCluster)}`),
      namespace: world.cluster.controlPlaneNamespace,
      file,
      sizeBytes: distantBytes,
      store: { ...storeSettings(gateway.server), endpoint: endpoint.href },
    };
    const env = gatewayEnvironment(gateway.server);
    return {
      execs: await runClient({ ...job, kind: "execs" }, env),
      streams: await runClient({ ...job, kind: "transfer" }, env),
    };
  } finally {
    line.close();
    rmSync(path);
  }
}

function placeOf(world: World): { readonly file: string; readonly path: string } {
  const file = "/var/lib/benchmark.db";
  return { file, path: world.cluster.container().pathOf(file) };
}

/** Random bytes and their SHA-256, as etcd ends a snapshot. */
function writeSnapshot(path: string, sizeBytes: number): void {
  const hash = createHash("sha256");
  const block = randomBytes(mebibyte);
  writeFileSync(path, "");
  for (let left = sizeBytes - 32; left > 0; left -= block.length) {
    const bytes = block.subarray(0, Math.min(left, block.length));
    hash.update(bytes);
    appendFileSync(path, bytes);
  }
  appendFileSync(path, hash.digest());
}

async function runClient(job: ExecJob | UploadJob, env: Readonly<Record<string, string>>): Promise<number> {
  const child = spawn(process.execPath, [...profiling, join(import.meta.dirname, "bench/client.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  child.stdin.end(JSON.stringify(job));
  let output = "";
  for await (const chunk of child.stdout) output += String(chunk);
  const rate = Number(output);
  if (!(rate > 0)) throw new Error(`the client ${job.kind} failed`);
  return rate;
}

function gatewayEnvironment(server: S3Server): Readonly<Record<string, string>> {
  return { NODE_EXTRA_CA_CERTS: server.certificateAuthorityFile };
}

function gatewayInputs(world: World, server: S3Server): StepInputs {
  return world.backupInputs({
    "s3-bucket": gatewayBucket,
    "s3-endpoint": server.endpoint,
    "s3-region": "us-east-1",
    "s3-access-key-id": server.owner.accessKeyId,
    "s3-secret-access-key": server.owner.secretAccessKey,
  });
}

function uploadJob(server: S3Server, sizeBytes: number): UploadJob {
  return { kind: "upload", store: storeSettings(server), sizeBytes };
}

function storeSettings({ endpoint, owner }: S3Server): StoreSettings {
  return { bucket: gatewayBucket, endpoint, forcePathStyle: true, credentials: owner, checksums: "auto" };
}

function renderTable(): string {
  const header = ["", ...sizes.map((size) => `${String(size)} MiB`), "goal"];
  const lines = [header, header.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  const [cpu] = cpus();
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}: ${String(cpus().length)} × ${cpu?.model ?? "unknown"}, Node ${process.versions.node}, ${gateway.server.title} ${gateway.server.version}.`,
    "",
    ...lines,
  ].join("\n");
}

/** Replaces what stands between the marks of the report. */
function writeTable(table: string): void {
  const [before = "", , after = ""] = readFileSync(report, "utf8").split(
    /(?<=<!-- table -->)|(?=<!-- end of table -->)/,
  );
  writeFileSync(report, `${before}\n\n${table}\n\n${after}`);
}
