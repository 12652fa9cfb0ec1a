import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { answerRequest, authorize, type ApiAnswer } from "./api.ts";
import { headersOf, noteRequest, parseUrl, playFault, toApiError, type ServedWorld } from "./exchange.ts";
import type { RequestFaultKind } from "./faults.ts";
import type { LoggedRequest } from "./request-log.ts";
import { createUpgrader } from "./upgrade.ts";

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
  const upgrade = createUpgrader(world);
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => void upgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const cutConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return { port, cutConnections, close: () => close(server, cutConnections) };
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
  try {
    const request = parseUrl(incoming);
    logged = noteRequest(world, incoming, request, text);
    fault = world.faults.takeRequestFault(logged);
    if (fault?.kind === "reset") {
      incoming.socket.destroy();
      return;
    }
    if (fault?.kind === "hang") return;
    await playFault(fault);
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
  response.writeHead(answer.status, headersOf(world, answer, fault));
  response.end(typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body));
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks).toString();
}
