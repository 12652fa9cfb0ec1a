import { STATUS_CODES, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { authorize } from "./api.ts";
import { subprotocols } from "./exec-channels.ts";
import type { RequestFaultKind } from "./faults.ts";
import type { LoggedRequest } from "./request-log.ts";
import { headersOf, noteRequest, parseUrl, playFault, toApiError, type ServedWorld } from "./exchange.ts";
import { noSuchPath } from "./status.ts";

type Upgrader = (incoming: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;

/** Upgrades the requests for an exec to a WebSocket; every refusal comes before that, as an answer of its own. */
export function createUpgrader(world: ServedWorld): Upgrader {
  const webSockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => chooseProtocol(world, offered) ?? false,
  });
  return async (incoming, socket, head) => {
    socket.on("error", () => socket.destroy());
    let logged: LoggedRequest | undefined;
    let fault: RequestFaultKind | undefined;
    try {
      const request = parseUrl(incoming);
      logged = noteRequest(world, incoming, request, "");
      fault = world.faults.takeRequestFault(logged);
      if (fault?.kind === "reset" || fault?.kind === "reply-lost") {
        socket.destroy();
        return;
      }
      if (fault?.kind === "hang") return;
      await playFault(fault);
      const user = world.users.authenticate(incoming);
      Object.assign(logged, { user });
      authorize(request, user, world.rules());
      if (world.switches().execNeedsCreate) authorize({ ...request, verb: "create" }, user, world.rules());
      if (request.resource !== "pods" || request.subresource !== "exec") throw noSuchPath();
      const run = world.prepareExec(request);
      if (chooseProtocol(world, readProtocols(incoming)) === undefined) {
        logged.status = 403;
        refuse(socket, 403, {}, "");
        return;
      }
      logged.status = 101;
      webSockets.handleUpgrade(incoming, socket, head, (webSocket) => {
        run(webSocket, socket);
      });
    } catch (error) {
      const failure = toApiError(error);
      if (logged) logged.status = failure.code;
      const answer = { status: failure.code, body: failure.body };
      refuse(socket, failure.code, headersOf(world, answer, fault), JSON.stringify(failure.body));
    }
  };
}

/** The first of the client's that the server knows, as golang.org/x/net/websocket takes it. */
function chooseProtocol(world: ServedWorld, offered: Iterable<string>): string | undefined {
  const known = subprotocols.filter((name) => world.switches().execProtocols !== "v4" || name.startsWith("v4."));
  return [...offered].find((name) => known.some((other) => other === name));
}

function readProtocols(incoming: IncomingMessage): readonly string[] {
  return (incoming.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
}

function refuse(socket: Duplex, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  const lines = [
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}`,
    ...Object.entries({ ...headers, "content-length": String(Buffer.byteLength(body)), connection: "close" }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}
