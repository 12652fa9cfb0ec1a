import { once } from "node:events";
import { WebSocket } from "ws";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { authorizationOf, parseJson, pathsOf, tlsOf, type Answer, type Credentials } from "./api-client.ts";

export const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
export const protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

export interface ExecRequest {
  readonly command: readonly string[];
  readonly pod?: string;
  /** Default `etcd`; undefined: none is named. */
  readonly container?: string | undefined;
  readonly stdin?: boolean;
  /** Default both that are known. */
  readonly protocols?: readonly string[];
  /** Default the user's. */
  readonly credentials?: Credentials;
}

export interface Frame {
  readonly channel: number;
  readonly payload: Buffer;
}

/** An exec from its opening to its end. */
export interface ExecSession {
  readonly socket: WebSocket;
  readonly frames: readonly Frame[];
  /** Sends one frame; `close` and a channel's number ends that stream, in v5. */
  send(to: number, payload: Buffer | string): void;
  /** Resolves when the connection is closed. */
  readonly ended: Promise<ExecEnd>;
}

export interface ExecEnd {
  readonly protocol: string;
  readonly frames: readonly Frame[];
  readonly stdout: Buffer;
  readonly stderr: string;
  /** Undefined: there was none. */
  readonly status: unknown;
  readonly closeCode: number;
}

/** Throws where the exec is refused. */
export async function openExec(cluster: ContractCluster, request: ExecRequest): Promise<ExecSession> {
  const socket = connect(cluster, request);
  const frames: Frame[] = [];
  socket.on("message", (data, isBinary) => {
    if (!Buffer.isBuffer(data) || !isBinary || data.length === 0) throw new Error("a message that is no frame");
    frames.push({ channel: data[0] ?? NaN, payload: data.subarray(1) });
  });
  // An error is told by the opening, or by a closing without a status.
  socket.on("error", () => undefined);
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  const ended = closed.then((closeCode): ExecEnd => {
    const of = (wanted: number): Buffer =>
      Buffer.concat(frames.filter((frame) => frame.channel === wanted).map(({ payload }) => payload));
    const status = of(channel.status).toString();
    return {
      protocol: socket.protocol,
      frames,
      stdout: of(channel.stdout),
      stderr: of(channel.stderr).toString(),
      status: status === "" ? undefined : parseJson(status),
      closeCode,
    };
  });
  await once(socket, "open");
  return {
    socket,
    frames,
    ended,
    send: (to, payload) => {
      socket.send(Buffer.concat([Buffer.of(to), Buffer.from(payload)]));
    },
  };
}

/** Runs a command to its end. */
export async function runExec(cluster: ContractCluster, request: ExecRequest): Promise<ExecEnd> {
  return (await openExec(cluster, request)).ended;
}

/** The answer to an exec that is refused; throws where it is not. */
export async function refusedExec(cluster: ContractCluster, request: ExecRequest): Promise<Answer> {
  const socket = connect(cluster, request);
  return new Promise((resolve, reject) => {
    socket.on("open", () => {
      socket.terminate();
      reject(new Error("the exec was not refused"));
    });
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parseJson(text) });
      });
    });
  });
}

export function execPath(cluster: ContractCluster, request: ExecRequest): string {
  const container = "container" in request ? request.container : "etcd";
  const query = new URLSearchParams({
    ...(container === undefined ? {} : { container }),
    ...(request.stdin === true ? { stdin: "true" } : {}),
    stdout: "true",
    stderr: "true",
  });
  for (const argument of request.command) query.append("command", argument);
  return `${pathsOf(cluster).pod(request.pod ?? "etcd-0")}/exec?${query.toString()}`;
}

function connect(cluster: ContractCluster, request: ExecRequest): WebSocket {
  const credentials = request.credentials ?? { token: cluster.user.token };
  return new WebSocket(new URL(execPath(cluster, request), cluster.url), [...(request.protocols ?? protocols)], {
    ...tlsOf(cluster, credentials),
    headers: authorizationOf(credentials),
    handshakeTimeout: 30_000,
  });
}
