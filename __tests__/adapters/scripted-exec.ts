import type http from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { ExecOptions, ExecResult } from "../../src/ports/exec.ts";
import type { ManagementCluster } from "../../src/ports.ts";
import { connectTo, refused, startScriptedApi, type ApiRequest, type ClusterOptions } from "./scripted-api.ts";

/** One exec that a test plays the API server for. */
export interface ExecSession {
  readonly url: URL;
  readonly argv: readonly string[];
  readonly webSocket: WebSocket;
  /** Below the WebSocket. */
  readonly socket: Duplex;
  /** Sends what the steps say, one after the other; before a success what the command's shell prints last. */
  readonly play: (...steps: readonly ExecStep[]) => void;
}

export interface ExecServerOptions {
  /** Default both, as of Kubernetes 1.30. */
  readonly protocols?: readonly string[];
  /** False: pings are not answered. */
  readonly pongs?: boolean;
  /** Plays the handshake in place of a good one. */
  readonly handshake?: (socket: Duplex, request: http.IncomingMessage) => void;
  readonly client?: ClusterOptions;
}

export interface ExecServer {
  readonly cluster: ManagementCluster;
  readonly url: string;
  /** The handshakes, in order of arrival. */
  readonly handshakes: readonly http.IncomingMessage[];
  /** All other requests, which are refused. */
  readonly requests: readonly ApiRequest[];
  run(options?: { argv?: readonly string[] } & Partial<ExecOptions>): Promise<ExecResult>;
}

/** A frame of a channel, a message as it is, a close code, or what happens to the connection below. */
export type ExecStep = readonly [channel: number, payload?: Buffer | string] | Buffer | number | "reset" | "end";

export const success = JSON.stringify({ metadata: {}, status: "Success" });
export const pod = { namespace: "clusters-example", name: "etcd-0", container: "etcd" };

/** A status as the API server sends it for a command that ended with `exitCode`. */
export function exited(exitCode: number | string): string {
  return JSON.stringify({
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${String(exitCode)}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  });
}

/** A status for a command that could not be run to its end. */
export function broken(message: string): string {
  return JSON.stringify({ metadata: {}, status: "Failure", message, reason: "InternalError", code: 500 });
}

/** Serves exec on loopback for one test, with real frames, as `script` says. */
export async function startScriptedExec(
  script: (session: ExecSession) => void,
  options: ExecServerOptions = {},
): Promise<ExecServer> {
  const { protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"], handshake, pongs = true } = options;
  const api = await startScriptedApi(() => refused(400, "BadRequest"));
  const webSockets = new WebSocketServer({
    noServer: true,
    autoPong: pongs,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  const handshakes: http.IncomingMessage[] = [];
  api.server.on("upgrade", (request, socket, head) => {
    handshakes.push(request);
    socket.on("error", () => socket.destroy());
    if (handshake !== undefined) {
      handshake(socket, request);
      return;
    }
    webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on("error", () => {
        webSocket.terminate();
      });
      script(createSession(webSocket, socket, request));
    });
  });
  const cluster = connectTo(api.url, options.client);
  return {
    cluster,
    url: api.url,
    handshakes,
    requests: api.requests,
    run: ({ argv = ["true"], ...execOptions } = {}) => cluster.exec(pod, argv, { timeoutMs: 30_000, ...execOptions }),
  };
}

function isSuccess(step: ExecStep): boolean {
  return Array.isArray(step) && step[1] === success;
}

function createSession(webSocket: WebSocket, socket: Duplex, request: http.IncomingMessage): ExecSession {
  const url = new URL(request.url ?? "/", "https://api");
  const sent = url.searchParams.getAll("command");
  // The shell around a command of unknown length says that it came to its end.
  const [argv, ending]: [readonly string[], readonly ExecStep[]] =
    sent[1] === "-c" && sent[3]?.startsWith("\n") === true ? [sent.slice(4), [[1, sent[3]]]] : [sent, []];
  return {
    url,
    argv,
    webSocket,
    socket,
    play: (...steps) => {
      for (const step of steps.flatMap((step) => (isSuccess(step) ? [...ending, step] : [step])))
        if (typeof step === "number") webSocket.close(step);
        // What was sent before is on its way when an empty message is.
        else if (step === "reset") webSocket.send(Buffer.alloc(0), () => socket.destroy());
        else if (step === "end") webSocket.send(Buffer.alloc(0), () => socket.end());
        else if (Buffer.isBuffer(step)) webSocket.send(step);
        else webSocket.send(Buffer.concat([Buffer.of(step[0]), Buffer.from(step[1] ?? "")]));
    },
  };
}
