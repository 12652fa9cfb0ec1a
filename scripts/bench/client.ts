/**
 * One measured client in a process of its own, so that its memory and time are not mixed with those of the servers. Reads
 * its job as JSON from standard input and prints the MiB/s it reached.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { createClock } from "../../src/adapters/clock.ts";
import { parseKubeconfig } from "../../src/kubeconfig/context.ts";
import { createManagementCluster } from "../../src/adapters/kubernetes/management-cluster.ts";
import { createSnapshotStore } from "../../src/adapters/s3/snapshot-store.ts";
import type { StoreSettings } from "../../src/adapters/s3/client.ts";
import { SnapshotDigest } from "../../src/etcd/snapshot-digest.ts";
import { streamFile } from "../../src/pod/file-stream.ts";
import type { Log, UploadedPart } from "../../src/ports.ts";

export interface ExecJob {
  /**
   * `parts`: as the action reads; `socket`: `cat` over one exec, its frames hashed as they come off a bare socket; `transfer`:
   * as the action reads and sends; `execs`: the same with an exec for each part, as it was done once.
   */
  readonly kind: "parts" | "socket" | "transfer" | "execs";
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly file: string;
  readonly sizeBytes: number;
  /** Where a transfer goes. */
  readonly store?: StoreSettings;
  /** Of a file that is no snapshot, which has no trailer. */
  readonly sha256?: string;
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
else if (job.kind === "socket") await readSocket(job);
else if (job.kind === "execs") await transferByExecs(job);
else await readParts(job);
console.log(job.sizeBytes / mebibyte / ((performance.now() - startedMs) / 1000));
process.exit();

async function upload({ store: settings, sizeBytes }: UploadJob): Promise<void> {
  const target = await openTarget(settings);
  const body = Buffer.alloc(partBytes, "x");
  await inParallel(sizeBytes, (index, lengthBytes) => target.send(index, body.subarray(0, lengthBytes)));
  await target.complete(sizeBytes);
}

async function readParts({ kubeconfig, namespace, file, sizeBytes, store, sha256 }: ExecJob): Promise<void> {
  const cluster = createManagementCluster(parseKubeconfig(kubeconfig, { environment: {} }), { clock, log });
  const digest = new SnapshotDigest(sizeBytes);
  const container = { namespace, name: "etcd-0", container: "etcd" };
  const world = { cluster, clock, log, signal: new AbortController().signal };
  const target = store && (await openTarget(store));
  await streamFile(
    world,
    { container, file, sizeBytes, partBytes },
    {
      inOrder: (bytes) => {
        digest.update(bytes);
      },
      each: async ({ index }, bytes) => {
        await target?.send(index, bytes);
      },
    },
  );
  await target?.complete(sizeBytes);
  const digests = digest.digest();
  if (sha256 === undefined ? !digests.trailerMatches : digests.sha256 !== sha256)
    throw new Error("the parts are not the file");
}

/** Four at a time, each part an exec of its own, and in its turn an upload. */
async function transferByExecs({ kubeconfig, namespace, file, sizeBytes, store }: ExecJob): Promise<void> {
  const cluster = createManagementCluster(parseKubeconfig(kubeconfig, { environment: {} }), { clock, log });
  const container = { namespace, name: "etcd-0", container: "etcd" };
  const target = store && (await openTarget(store));
  await inParallel(sizeBytes, async (index, lengthBytes) => {
    const script = `exec dd if="$1" iflag=skip_bytes,count_bytes,fullblock bs=1M skip="$2" count="$3" status=none`;
    const argv = ["sh", "-c", script, "part", file, String(index * partBytes), String(lengthBytes)];
    const { stdout } = await cluster.exec(container, argv, { timeoutMs: 60_000, expectedBytes: lengthBytes });
    await target?.send(index, stdout);
  });
  await target?.complete(sizeBytes);
}

/** An upload to a store that is open. */
async function openTarget(settings: StoreSettings) {
  const store = createSnapshotStore(settings, { clock, log });
  const metadata = { nonce: "benchmark" };
  const started = await store.startUpload(`etcd/nightly/benchmark/${String(Date.now())}.db`, metadata);
  const parts: UploadedPart[] = [];
  return {
    send: async (index: number, bytes: Buffer): Promise<void> => {
      parts[index] = await store.uploadPart(started, index + 1, bytes);
    },
    complete: (sizeBytes: number) => store.completeUpload(started, parts, { sizeBytes, metadata }),
  };
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
async function inParallel(
  sizeBytes: number,
  task: (index: number, lengthBytes: number) => Promise<void>,
): Promise<void> {
  const count = Math.ceil(sizeBytes / partBytes);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await task(index, Math.min(partBytes, sizeBytes - index * partBytes));
    }
  };
  await Promise.all(Array.from({ length: partsInFlight }, worker));
}
