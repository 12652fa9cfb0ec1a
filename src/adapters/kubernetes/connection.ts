import type http from "node:http";
import https from "node:https";
import { createSecureContext, getCACertificates } from "node:tls";
import { SocksProxyAgent } from "socks-proxy-agent";
import type { Clock, Log } from "../../ports.ts";
import { limits as defaultLimits } from "../../time-limits.ts";
import type { Kubeconfig } from "../../kubeconfig/context.ts";
import { checked } from "../tls.ts";

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
      | "apiAnswerMaxBytes"
  ]: number;
};

/** The connection that every request to the API server needs. */
export interface Connection {
  /** `https://host:port/path`, without a slash at its end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: http.Agent;
  /** Agent of exec, which cannot be sent again: each has a new socket, not an idle one that may have been forgotten. */
  readonly execAgent: http.Agent;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  readonly limits: ClusterLimits;
}

/** Opens no connection yet. */
export function createConnection(
  kubeconfig: Kubeconfig,
  world: {
    readonly clock: Clock;
    readonly log: Log;
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
    signal: undefined,
    limits,
  };
}

/** `host:port`, for messages. */
export function hostOf(connection: Connection): string {
  return new URL(connection.server).host;
}

/** A connection that was idle while another failed may be as dead: the next request opens one of its own. */
export function dropIdleSockets({ agent }: Connection): void {
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}

function createAgents(kubeconfig: Kubeconfig): (sockets: http.AgentOptions) => http.Agent {
  const { certificateAuthority, clientCertificate, tlsServerName, proxy, socksProxy } = kubeconfig;
  const security = {
    ...checked,
    // Made once: the roots of a system are hundreds.
    secureContext: createSecureContext({
      ...checked,
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
