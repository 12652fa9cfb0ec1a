import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createClock } from "../../src/adapters/clock.ts";
import type { CourseWorld } from "../../src/drill/course.ts";
import { createDelivery, deliverCommand, renderInput } from "../../src/drill/delivery.ts";
import { entryCommand } from "../../src/drill/entry-script.ts";
import { ActionError } from "../../src/errors.ts";
import type { RestoreScript, RestoreTool } from "../../src/hypershift/restore-script.ts";
import { parseOwnPod } from "../../src/hypershift/workload.ts";
import { runInPod } from "../../src/drill/course.ts";
import type { ExecResult } from "../../src/ports/exec.ts";
import { createMemoryLog } from "../unit/restore/expectations.ts";
import { findFreePorts } from "./cluster.ts";
import type { EtcdPrograms } from "./programs.ts";

/** What the store answers to the URL. */
export interface Answer {
  readonly status?: number;
  readonly body: Buffer | string;
}

export interface LocalPod {
  readonly ref: { readonly namespace: string; readonly name: string };
  readonly world: CourseWorld;
  close(): Promise<void>;
}

/**
 * The course of a drill's pod, played on this machine with real tools: its scripts as they are, in folders and on ports of
 * their own. There is no API server, and no kubelet.
 */
export async function startLocalPod(
  programs: EtcdPrograms,
  {
    scripts,
    answer,
    plainTool = "newest",
  }: {
    readonly scripts: readonly RestoreScript[];
    readonly answer: Answer;
    readonly plainTool?: RestoreTool;
  },
): Promise<LocalPod> {
  const root = await mkdtemp(join(tmpdir(), "drill-pod-"));
  await mkdir(join(root, "shared"));
  await mkdir(join(root, "work"));
  const [client = 0, peer = 0] = await findFreePorts(2);
  const place = (word: string): string =>
    word
      .replaceAll("/drill/", `${root}/`)
      .replaceAll("127.0.0.1:2379", `127.0.0.1:${String(client)}`)
      .replaceAll("127.0.0.1:2380", `127.0.0.1:${String(peer)}`);
  const env = { PATH: `${dirname(programs.etcd)}:/usr/bin:/bin` };
  const start = (argv: readonly string[]) => {
    const [program = "", ...args] = argv.map(place);
    return spawn(program, args, { env, stdio: ["pipe", "pipe", "ignore"], detached: true });
  };
  const { server, url } = await serve(answer);
  const entry = start(entryCommand(scripts, { controlPlane: "clusters-example", plainTool }));
  const run = (argv: readonly string[], input: Buffer): Promise<ExecResult> =>
    new Promise((resolve, reject) => {
      const child = start(argv);
      const chunks: Buffer[] = [];
      child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
      child.on("error", reject);
      child.on("close", (code) => {
        resolve({ exitCode: code ?? 1, stdout: Buffer.concat(chunks), stderr: "" });
      });
      child.stdin.on("error", () => undefined);
      child.stdin.end(input);
    });
  const running = parseOwnPod({
    metadata: { namespace: "drills", name: "restore-drill", uid: "1" },
    status: { phase: "Running" },
  });
  const refuse = (): never => {
    throw new ActionError("internal", "nothing else is asked here");
  };
  const world: CourseWorld = {
    clock: createClock(),
    log: createMemoryLog(),
    signal: AbortSignal.timeout(120_000),
    told: { steps: 0 },
    watch: () => Promise.resolve(),
    cluster: {
      findPod: () => Promise.resolve(running),
      exec: async (_pod, argv, { input = [] }) => {
        const pieces: Buffer[] = [];
        for await (const piece of input) pieces.push(piece);
        return run(argv, Buffer.concat(pieces));
      },
      createPod: refuse,
      deletePod: refuse,
      readServerTime: refuse,
    },
  };
  const pod: LocalPod = {
    ref: running,
    world,
    close: async () => {
      // The script and its etcd are one group of processes.
      if (entry.pid !== undefined && entry.exitCode === null) process.kill(-entry.pid, "SIGKILL");
      server.close();
      await rm(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  const input = [renderInput(createDelivery({ url, keys: [], resources: [] }))];
  await runInPod(world, pod.ref, { argv: deliverCommand(), timeoutMs: 60_000, input });
  return pod;
}

async function serve({ status = 200, body }: Answer): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer((_, response) => response.writeHead(status).end(body));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  return { server, url: `http://127.0.0.1:${String(port)}/a.db?X-Amz-Signature=00` };
}
