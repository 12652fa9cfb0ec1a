import https from "node:https";
import type { Clock, Log } from "../ports.ts";
import { limits as defaultLimits } from "../time-limits.ts";
import type { Kubeconfig } from "./kubeconfig.ts";

export type ClusterLimits = {
  readonly [
    Name in
      | "requestTimeoutMs"
      | "requestTries"
      | "requestPatienceMs"
      | "retryDelayMs"
      | "retryDelayMaxMs"
      | "execStallMs"
      | "execPingMs"
  ]: number;
};

/** What every request to the API server needs. */
export interface Connection {
  /** `https://host:port/path`, without a slash at its end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly agent: https.Agent;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  readonly limits: ClusterLimits;
  /** Shared by all connections to one cluster. */
  readonly seen: { answered: boolean };
}

/** Opens no connection yet. Its sockets are its own: one that hangs delays no other connection. */
export function createConnection(
  kubeconfig: Kubeconfig,
  world: {
    readonly clock: Clock;
    readonly log: Log;
    readonly signal: AbortSignal | undefined;
    readonly seen: { answered: boolean };
    readonly limits?: ClusterLimits | undefined;
  },
): Connection {
  const { certificateAuthority, clientCertificate, tlsServerName, token, proxy } = kubeconfig;
  return {
    server: kubeconfig.server,
    headers: {
      "user-agent": "hypershift-etcd-backup-action",
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    agent: new https.Agent({
      keepAlive: true,
      // Node's agents look at a proxy only when they are told of one.
      proxyEnv: proxy,
      ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
      ...(clientCertificate === undefined ? {} : { cert: clientCertificate.certificate, key: clientCertificate.key }),
      ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
    }),
    clock: world.clock,
    log: world.log,
    signal: world.signal,
    seen: world.seen,
    limits: world.limits ?? defaultLimits,
  };
}

/** `host:port`, for messages. */
export function hostOf(connection: Connection): string {
  return new URL(connection.server).host;
}
