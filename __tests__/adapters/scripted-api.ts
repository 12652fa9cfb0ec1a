import https from "node:https";
import type http from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { parseKubeconfig } from "../../src/kubeconfig/context.ts";
import { createManagementCluster } from "../../src/adapters/kubernetes/management-cluster.ts";
import type { ClusterLimits } from "../../src/adapters/kubernetes/connection.ts";
import type { Environment } from "../../src/kubeconfig/proxies.ts";
import { ActionError } from "../../src/errors.ts";
import type { Clock, ManagementCluster } from "../../src/ports.ts";
import { createCertificateAuthority, type KeyPair } from "../world/certificates.ts";
import { base64, kubeconfigText, type KubeconfigFields } from "../unit/kubeconfig/kubeconfig-text.ts";
import { listenDuringTest } from "./test-server.ts";

export interface ApiRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The connection it came on. */
  readonly socket: Duplex;
  /** 1 for the first of this method and path. */
  readonly count: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers?: http.OutgoingHttpHeaders;
  /** An object is sent as JSON. */
  readonly body?: object | string;
  /** The connection is reset after so many bytes of the body. */
  readonly cutAt?: number;
  /** How long the answer takes; default 0. */
  readonly afterMs?: number;
  /** No Date header. */
  readonly dateless?: boolean;
}

/** An answer, a connection that is reset without one, or silence. */
export type ApiScript = (request: ApiRequest) => ApiAnswer | "reset" | "silence";

export interface ScriptedApi {
  readonly url: string;
  readonly port: number;
  /** In order of arrival. */
  readonly requests: readonly ApiRequest[];
  /** Of its certificate. */
  readonly authority: string;
  readonly server: https.Server;
}

export const authority = await createCertificateAuthority("scripted-api");
const loopback = await authority.issue(
  { commonName: "api" },
  { names: ["localhost", "127.0.0.1", "api.example.test"] },
);

/** An API server for one test that answers as it says: for faults that the embedded cluster cannot be asked for. */
export async function startScriptedApi(script: ApiScript, pair: KeyPair = loopback): Promise<ScriptedApi> {
  const requests: ApiRequest[] = [];
  const server = https.createServer(
    {
      cert: pair.certificate,
      key: pair.privateKey,
      ca: authority.certificate,
      requestCert: true,
      rejectUnauthorized: false,
    },
    (incoming, response) => {
      let body = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => (body += chunk));
      incoming.on("end", () => {
        const { method = "", headers, socket } = incoming;
        const url = new URL(incoming.url ?? "/", "https://api");
        const same = requests.filter((earlier) => earlier.method === method && earlier.url.pathname === url.pathname);
        const request = { method, url, headers, body, socket, count: same.length + 1 };
        requests.push(request);
        const scripted = script(request);
        const afterMs = typeof scripted === "object" ? (scripted.afterMs ?? 0) : 0;
        if (afterMs === 0) answer(scripted, response);
        else
          setTimeout(() => {
            answer(scripted, response);
          }, afterMs);
      });
    },
  );
  server.on("connection", (socket: Duplex) => {
    socket.on("error", () => socket.destroy());
  });
  server.on("tlsClientError", () => undefined);
  const port = await listenDuringTest(server);
  return {
    url: `https://localhost:${String(port)}`,
    port,
    requests,
    authority: authority.certificate,
    server,
  };
}

function answer(scripted: ApiAnswer | "reset" | "silence", response: http.ServerResponse): void {
  if (scripted === "silence") return;
  if (scripted === "reset") {
    response.destroy();
    return;
  }
  const { status, body = "", cutAt } = scripted;
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  if (scripted.dateless === true) response.sendDate = false;
  response.writeHead(status, {
    "content-type": typeof body === "string" ? "text/plain" : "application/json",
    "content-length": bytes.length,
    ...scripted.headers,
  });
  if (cutAt === undefined) response.end(bytes);
  else response.write(bytes.subarray(0, cutAt), () => response.destroy());
}

/** What the API server says when it refuses. */
export function refused(status: number, reason: string, details: object = {}): ApiAnswer {
  const message = `the server says ${reason}`;
  return {
    status,
    body: { kind: "Status", apiVersion: "v1", status: "Failure", message, reason, details, code: status },
  };
}

/** Short enough for a test, and long enough for a busy machine. */
export const testLimits: ClusterLimits = {
  requestTimeoutMs: 10_000,
  requestTries: 3,
  requestPatienceMs: 0,
  serverWarmUpMs: 10_000,
  requestIdleMs: 10_000,
  retryDelayMs: 10,
  retryDelayMaxMs: 50,
  execStallMs: 10_000,
  execPingMs: 1_000,
  execCloseMs: 200,
  apiAnswerMaxBytes: 1024 * 1024,
};

/** A clock that does not wait: `slept` has what it was asked for. */
export function impatientClock(): Clock & { readonly slept: readonly number[] } {
  const slept: number[] = [];
  return {
    slept,
    nowMs: () => Math.round(performance.now()),
    wallMs: () => Date.now(),
    timeout: (ms) => AbortSignal.timeout(ms),
    sleep: async (ms, signal) => {
      slept.push(ms);
      await delay(0, undefined, signal === undefined ? {} : { signal }).catch((cause: unknown) => {
        throw new ActionError("cancelled", "the wait was cancelled", { cause });
      });
    },
  };
}

export interface ClusterOptions extends KubeconfigFields {
  readonly environment?: Environment;
  readonly limits?: Partial<ClusterLimits>;
  readonly clock?: Clock;
  /** Gets every line of the debug log. */
  readonly onLine?: (line: string) => void;
}

/** The real adapter, by way of a kubeconfig, for a server of this authority. */
export function connectTo(server: string, options: ClusterOptions = {}): ManagementCluster {
  const { onLine = () => undefined } = options;
  const cluster = { server, "certificate-authority-data": base64(authority.certificate), ...options.cluster };
  return createManagementCluster(
    parseKubeconfig(kubeconfigText({ ...options, cluster }), { environment: options.environment ?? {} }),
    {
      clock: options.clock ?? impatientClock(),
      log: { info: onLine, warning: onLine, debug: onLine, group: (_title, run) => run() },
      limits: { ...testLimits, ...options.limits },
    },
  );
}
