import { createServer, type Server } from "node:https";
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { CertificateAuthority } from "../certificates.ts";
import { answerRequest, authorize, type ApiAnswer } from "./api.ts";
import type { WorldClock } from "./clock.ts";
import { subprotocols } from "./exec-channels.ts";
import type { FaultPlan, RequestFaultKind } from "./faults.ts";
import type { ObjectStore } from "./objects.ts";
import type { Rule } from "./rbac.ts";
import { parseRequest, type ApiRequest } from "./request.ts";
import type { LoggedRequest } from "./request-log.ts";
import { ApiError, forbidden } from "./status.ts";
import type { Switches } from "./switches.ts";
import type { Users } from "./users.ts";

export interface ServedWorld {
  readonly store: ObjectStore;
  readonly rules: () => readonly Rule[];
  readonly ca: CertificateAuthority;
  readonly clock: WorldClock;
  readonly users: Users;
  readonly faults: FaultPlan;
  readonly switches: () => Pick<Switches, "execNeedsCreate" | "execProtocols">;
  readonly log: (request: LoggedRequest) => void;
  /** Checks an exec that is authorized; throws ApiError, else returns what runs it over the open connection. */
  readonly prepareExec: (request: ApiRequest) => (webSocket: WebSocket, socket: Duplex) => void;
}

export interface ApiServer {
  readonly port: number;
  /** Destroys every open connection; new ones are served. */
  cutConnections(): void;
  close(): Promise<void>;
}

/** Serves the API on loopback; every answer carries the world's time. */
export async function serveApi(world: ServedWorld): Promise<ApiServer> {
  const pair = await world.ca.issue(
    { commonName: "kube-apiserver" },
    { names: ["localhost", "127.0.0.1", "kubernetes.default.svc"] },
  );
  const server = createServer({
    cert: pair.certificate,
    key: pair.privateKey,
    ca: world.ca.certificate,
    requestCert: true,
    // Someone without a certificate may have a token.
    rejectUnauthorized: false,
  });
  const sockets = new Set<Duplex>();
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("request", (request, response) => void serve(world, request, response));
  const webSockets = {
    both: createWebSocketServer(subprotocols),
    v4: createWebSocketServer(subprotocols.filter((name) => name.startsWith("v4."))),
  };
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const chosen = world.switches().execProtocols === "v4" ? webSockets.v4 : webSockets.both;
    upgrade(world, chosen, request, socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const cutConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return { port, cutConnections, close: () => close(server, cutConnections) };
}

function createWebSocketServer(known: readonly string[]): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => known.find((name) => offered.has(name)) ?? false,
  });
}

async function close(server: Server, cutConnections: () => void): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  cutConnections();
  await closed;
}

async function serve(world: ServedWorld, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await readText(incoming).catch(() => undefined);
  if (text === undefined) return;
  let logged: LoggedRequest | undefined;
  let answer: ApiAnswer;
  let fault: RequestFaultKind | undefined;
  let retryAfter: string | undefined;
  try {
    const request = parseUrl(incoming);
    logged = toLogged(world, incoming, request, text);
    fault = world.faults.takeRequestFault(logged);
    if (fault?.kind === "reset") {
      incoming.socket.destroy();
      return;
    }
    if (fault?.kind === "hang") return;
    if (fault?.kind === "delay")
      await new Promise((resolve) => setTimeout(resolve, fault?.kind === "delay" ? fault.ms : 0));
    if (fault?.kind === "status") retryAfter = fault.retryAfterSeconds?.toString();
    refuseByFault(fault);
    const user = world.users.authenticate(incoming);
    logged = Object.assign(logged, { user });
    authorize(request, user, world.rules());
    const contentType = incoming.headers["content-type"] ?? "";
    answer = answerRequest(request, { contentType, text }, user, { store: world.store, rules: world.rules() });
  } catch (error) {
    const failure = toApiError(error);
    answer = { status: failure.code, body: failure.body };
  }
  if (fault?.kind === "reply-lost") {
    incoming.socket.destroy();
    return;
  }
  if (logged) logged.status = answer.status;
  response.writeHead(answer.status, {
    date: world.clock.now().toUTCString(),
    "content-type": "application/json",
    "cache-control": "no-cache, private",
    ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
  });
  response.end(JSON.stringify(answer.body));
}

function upgrade(
  world: ServedWorld,
  webSockets: WebSocketServer,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on("error", () => socket.destroy());
  let logged: LoggedRequest | undefined;
  try {
    const request = parseUrl(incoming);
    logged = toLogged(world, incoming, request, "");
    const fault = world.faults.takeRequestFault(logged);
    if (fault?.kind === "reset" || fault?.kind === "reply-lost") {
      socket.destroy();
      return;
    }
    if (fault?.kind === "hang") return;
    refuseByFault(fault);
    const user = world.users.authenticate(incoming);
    Object.assign(logged, { user });
    authorize(request, user, world.rules());
    if (world.switches().execNeedsCreate) {
      const creating = { ...request, verb: "create" };
      authorize(creating, user, world.rules());
    }
    if (request.resource !== "pods" || request.subresource !== "exec") throw forbidden(request, user);
    const run = world.prepareExec(request);
    logged.status = 101;
    webSockets.handleUpgrade(incoming, socket, head, (webSocket) => {
      run(webSocket, socket);
    });
  } catch (error) {
    const failure = toApiError(error);
    if (logged) logged.status = failure.code;
    refuseUpgrade(socket, failure, world.clock);
  }
}

function refuseUpgrade(socket: Duplex, failure: ApiError, clock: WorldClock): void {
  const body = JSON.stringify(failure.body);
  const head = [
    `HTTP/1.1 ${String(failure.code)} ${STATUS_CODES[failure.code] ?? ""}`,
    `Date: ${clock.now().toUTCString()}`,
    "Content-Type: application/json",
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

function parseUrl(incoming: IncomingMessage): ApiRequest {
  try {
    return parseRequest(incoming.method ?? "GET", incoming.url ?? "/");
  } catch {
    throw new ApiError(400, "BadRequest", "the path of the request cannot be read");
  }
}

function refuseByFault(fault: RequestFaultKind | undefined): void {
  if (fault?.kind !== "status") return;
  const reasons: Readonly<Record<number, string>> = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
  };
  const reason = fault.reason ?? reasons[fault.status] ?? "Unknown";
  throw new ApiError(fault.status, reason, `the server answers ${String(fault.status)} as it was told to`);
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError(500, "InternalError", `Internal error occurred: ${message}`);
}

function toLogged(world: ServedWorld, incoming: IncomingMessage, request: ApiRequest, text: string): LoggedRequest {
  const named = request.subresource === undefined ? request.resource : `${request.resource}/${request.subresource}`;
  const logged: LoggedRequest = {
    at: Date.now(),
    verb: request.verb,
    resource: named === "" ? request.path : named,
    group: request.group,
    namespace: request.namespace,
    name: request.name,
    dryRun: request.dryRun,
    user: undefined,
    userAgent: incoming.headers["user-agent"],
    query: Object.fromEntries(request.query),
    contentType: incoming.headers["content-type"],
    body: parseJson(text),
    argv: request.subresource === "exec" ? request.query.getAll("command") : undefined,
    status: undefined,
  };
  world.log(logged);
  return logged;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString();
}
