/**
 * Measures what the action promises, in one run, so that the ratios hold whatever the machine: downtime and memory that do
 * not grow with the database, and a transfer near to what exec and the store can do. With `--write` the table goes into
 * docs/performance.md. It is no test: a busy machine makes every figure worse.
 */
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { numberAt } from "../src/hypershift/json-path.ts";
import { startWorld, type StepInputs, type World } from "../__tests__/fakes/world.ts";
import { createBuckets } from "../__tests__/s3/buckets.ts";
import { startServer, type S3Server } from "../__tests__/s3/server.ts";
import type { ExecJob, UploadJob } from "./bench/client.ts";

const mebibyte = 1024 * 1024;
const sizes = [64, 1024] as const;
const gatewayBucket = "snapshots";
const report = join(import.meta.dirname, "../docs/performance.md");

interface BackupFigures {
  readonly snapshotMiB: number;
  readonly firstRequestMs: number;
  readonly goneToScaleUpMs: number;
  readonly apiDowntimeSeconds: number;
  readonly transferMiBPerSecond: number;
  readonly peakMiB: number;
}

const gateway = await startServer("rados-gateway");
const rows: (readonly [string, ...string[]])[] = [];
const figures: BackupFigures[] = [];
const rates: { parts: number; socket: number; upload: number; gateway: number }[] = [];
try {
  await createBuckets(gateway.server);
  for (const size of sizes) {
    const world = await startWorld({ cluster: { fill: { sizeBytes: size * mebibyte } } });
    try {
      const embedded = await backUp(world, world.backupInputs(), world.env);
      const real = await backUp(world, gatewayInputs(world, gateway.server), gatewayEnvironment(gateway.server));
      figures.push(embedded);
      rates.push({
        ...(await readRates(world, size * mebibyte)),
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

async function readRates(world: World, sizeBytes: number): Promise<{ parts: number; socket: number }> {
  const file = "/var/lib/benchmark.db";
  const path = world.cluster.container().pathOf(file);
  writeSnapshot(path, sizeBytes);
  const kubeconfig = await world.cluster.kubeconfig();
  const namespace = world.cluster.controlPlaneNamespace;
  const job = (kind: ExecJob["kind"]): ExecJob => ({ kind, kubeconfig, namespace, file, sizeBytes });
  const socket = await runClient(job("socket"), {});
  const parts = await runClient(job("parts"), {});
  rmSync(path);
  return { parts, socket };
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
  const child = spawn(process.execPath, [join(import.meta.dirname, "bench/client.ts")], {
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
  const { endpoint, owner } = server;
  const store = {
    bucket: gatewayBucket,
    endpoint,
    forcePathStyle: true,
    credentials: owner,
    checksums: "auto",
  } as const;
  return { kind: "upload", store, sizeBytes };
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
