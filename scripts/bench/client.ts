/**
 * One measured client in a process of its own, so that its memory and time are not mixed with those of the servers. Reads
 * its job as JSON from standard input and prints the MiB/s it reached.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { createClock } from "../../src/adapters/clock.ts";
import { parseKubeconfig } from "../../src/adapters/kubeconfig.ts";
import { createManagementCluster } from "../../src/adapters/kubernetes.ts";
import { createSnapshotStore } from "../../src/adapters/s3.ts";
import type { StoreSettings } from "../../src/adapters/s3-client.ts";
import { SnapshotDigest } from "../../src/etcd/snapshot-digest.ts";
import { partCommand } from "../../src/etcd/snapshot-save.ts";
import type { Log } from "../../src/ports.ts";

export interface ExecJob {
  /** `parts`: as the action reads; `socket`: `cat` over one exec, its frames hashed as they come off a bare socket. */
  readonly kind: "parts" | "socket";
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly file: string;
  readonly sizeBytes: number;
}

export interface UploadJob {
  /** From memory to the store with the parts of the action, and nothing else. */
  readonly kind: "upload";
  readonly store: StoreSettings;
  readonly sizeBytes: number;
}

const mebibyte = 1024 * 1024;
const partBytes = 8 * mebibyte;
const partsInFlight = 4;

const log: Log = {
  info: () => undefined,
  warning: () => undefined,
  debug: () => undefined,
  group: (_title, run) => run(),
};
const clock = createClock();

const job = JSON.parse(readFileSync(0, "utf8")) as ExecJob | UploadJob;
const startedMs = performance.now();
if (job.kind === "upload") await upload(job);
else if (job.kind === "parts") await readParts(job);
else await readSocket(job);
console.log(job.sizeBytes / mebibyte / ((performance.now() - startedMs) / 1000));
process.exit();

async function upload({ store: settings, sizeBytes }: UploadJob): Promise<void> {
  const store = createSnapshotStore(settings, { clock, log });
  const body = Buffer.alloc(partBytes, "x");
  const metadata = { nonce: "benchmark" };
  const started = await store.startUpload(`benchmark/${String(Date.now())}.db`, metadata);
  const parts = await inParallel(sizeBytes, (index, lengthBytes) =>
    store.uploadPart(started, index + 1, body.subarray(0, lengthBytes)),
  );
  await store.completeUpload(started, parts, { sizeBytes, metadata });
}

async function readParts({ kubeconfig, namespace, file, sizeBytes }: ExecJob): Promise<void> {
  const cluster = createManagementCluster(parseKubeconfig(kubeconfig, { environment: {} }), { clock, log });
  const digest = new SnapshotDigest(sizeBytes);
  const waiting = new Map<number, Buffer>();
  let next = 0;
  await inParallel(sizeBytes, async (index, lengthBytes) => {
    const argv = partCommand(file, index * partBytes, lengthBytes);
    const pod = { namespace, name: "etcd-0", container: "etcd" };
    const { stdout } = await cluster.exec(pod, argv, { timeoutMs: 60_000, expectedBytes: lengthBytes });
    waiting.set(index, stdout);
    for (let part = waiting.get(next); part !== undefined; part = waiting.get(next)) {
      digest.update(part);
      waiting.delete(next);
      next += 1;
    }
  });
  if (!digest.digest().trailerMatches) throw new Error("the parts are not the file");
}

async function readSocket({ kubeconfig, namespace, file, sizeBytes }: ExecJob): Promise<void> {
  const { server, certificateAuthority, token } = parseKubeconfig(kubeconfig, { environment: {} });
  const { hostname, port } = new URL(server);
  const query = new URLSearchParams([
    ["container", "etcd"],
    ["stdout", "true"],
    ["command", "cat"],
    ["command", file],
  ]);
  const hash = createHash("sha256");
  await new Promise<void>((resolve, reject) => {
    const socket = tls.connect({ host: hostname, port: Number(port), ca: certificateAuthority ?? "" });
    let seenBytes = 0;
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      seenBytes += chunk.length;
      // The frames' own few bytes make up for the head of the answer.
      if (seenBytes >= sizeBytes) resolve();
    });
    socket.write(
      [
        `GET /api/v1/namespaces/${namespace}/pods/etcd-0/exec?${query.toString()} HTTP/1.1`,
        `Host: ${hostname}`,
        `Authorization: Bearer ${token ?? ""}`,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        `Sec-WebSocket-Key: ${Buffer.alloc(16, 1).toString("base64")}`,
        "Sec-WebSocket-Protocol: v5.channel.k8s.io",
        "\r\n",
      ].join("\r\n"),
    );
  });
  hash.digest();
}

/** Runs `task` for each part, several at once, in order of their start. */
async function inParallel<T>(
  sizeBytes: number,
  task: (index: number, lengthBytes: number) => Promise<T>,
): Promise<T[]> {
  const count = Math.ceil(sizeBytes / partBytes);
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      results[index] = await task(index, Math.min(partBytes, sizeBytes - index * partBytes));
    }
  };
  await Promise.all(Array.from({ length: partsInFlight }, worker));
  return results;
}
