import type http from "node:http";
import https from "node:https";
import { createSecureContext, getCACertificates } from "node:tls";
import { SocksProxyAgent } from "socks-proxy-agent";
import type { Clock, Log } from "../ports.ts";
import { limits as defaultLimits } from "../time-limits.ts";
import type { Kubeconfig } from "./kubeconfig.ts";

export type ClusterLimits = {
  readonly [
    Name in
      | "requestTimeoutMs"
      | "requestTries"
      | "requestPatienceMs"
      | "serverWarmUpMs"
      | "requestIdleMs"
      | "retryDelayMs"
      | "retryDelayMaxMs"
      | "execStallMs"
      | "execPingMs"
      | "execCloseMs"
  ]: number;
};

/** What every request to the API server needs. */
export interface Connection {
  /** `https://host:port/path`, without a slash at its end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: http.Agent;
  /** Of exec, which cannot be sent again: each has a socket of its own, none that was idle and may have been forgotten. */
  readonly execAgent: http.Agent;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  readonly limits: ClusterLimits;
  /** Shared by all connections to one cluster. */
  readonly seen: Seen;
}

/** What is known of a server from the requests so far. */
interface Seen {
  answered: boolean;
  /** When a request was last not answered, or by a server in trouble. */
  awayMs?: number;
}

/** Opens no connection yet. Its sockets are its own: one that hangs delays no other connection. */
export function createConnection(
  kubeconfig: Kubeconfig,
  world: {
    readonly clock: Clock;
    readonly log: Log;
    readonly signal: AbortSignal | undefined;
    readonly seen: Seen;
    readonly limits?: ClusterLimits | undefined;
  },
): Connection {
  const { token } = kubeconfig;
  const limits = world.limits ?? defaultLimits;
  const createAgent = createAgents(kubeconfig);
  return {
    server: kubeconfig.server,
    headers: {
      "user-agent": "hypershift-etcd-backup-action",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    agent: createAgent({ keepAlive: true, timeout: limits.requestIdleMs }),
    execAgent: createAgent({ keepAlive: false }),
    clock: world.clock,
    log: world.log,
    signal: world.signal,
    seen: world.seen,
    limits,
  };
}

/** `host:port`, for messages. */
export function hostOf(connection: Connection): string {
  return new URL(connection.server).host;
}

/** Too many requests, and what an API server or a proxy before it says while it starts, ends or is overloaded. */
export function isInTrouble(httpStatus: number): boolean {
  return [408, 429, 500, 502, 503, 504].includes(httpStatus);
}

/** Notes that the server did not answer, or is in trouble. */
export function noteAway({ seen, clock }: Connection): void {
  seen.awayMs = clock.nowMs();
}

/** A server that is just back says that it knows no such user and no such grant, until it has read them. */
export function isWarmingUp({ limits, seen, clock }: Connection, httpStatus: number): boolean {
  const { awayMs } = seen;
  return [401, 403].includes(httpStatus) && awayMs !== undefined && clock.nowMs() - awayMs < limits.serverWarmUpMs;
}

function createAgents(kubeconfig: Kubeconfig): (sockets: http.AgentOptions) => http.Agent {
  const { certificateAuthority, clientCertificate, tlsServerName, proxy, socksProxy } = kubeconfig;
  const security = {
    // Made once: the roots of a system are hundreds.
    secureContext: createSecureContext({
      ca: certificateAuthority ?? [...getCACertificates("default"), ...getCACertificates("system")],
      ...(clientCertificate === undefined ? {} : { cert: clientCertificate.certificate, key: clientCertificate.key }),
    }),
    ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
  };
  return (sockets) =>
    socksProxy === undefined
      ? // Node's agents look at a proxy only when they are told of one.
        new https.Agent({ ...security, ...sockets, proxyEnv: proxy })
      : // It would end a request that waits longer than an idle socket may: a socket for each request.
        new SocksProxyAgent(socksProxy, { ...security, keepAlive: false });
}
