import http from "node:http";
import https from "node:https";
import net from "node:net";
import type { Duplex } from "node:stream";
import type { KeyPair } from "../world/certificates.ts";
import { listenDuringTest } from "./test-server.ts";

/** A proxy on loopback for one test, which takes every name for this machine: only through it is a name of `.test` reached. */
export interface RunningProxy {
  /** `host:port`. */
  readonly address: string;
  /** What it was asked to connect to, in order. */
  readonly targets: readonly string[];
  /** What its clients said they are, in order; `undefined` for nothing. */
  readonly credentials: readonly (string | undefined)[];
}

/** `refuse`: a status in place of 200; `hang`: no answer. */
export interface ProxyOptions {
  readonly refuse?: string;
  readonly hang?: boolean;
  /** Speaks TLS with its clients. */
  readonly pair?: KeyPair;
}

/** An HTTP proxy that only knows CONNECT. */
export async function startConnectProxy(options: ProxyOptions = {}): Promise<RunningProxy> {
  const { pair, refuse, hang } = options;
  const server = pair
    ? https.createServer({ cert: pair.certificate, key: pair.privateKey })
    : http.createServer((_request, response) => response.writeHead(405).end());
  const targets: string[] = [];
  const credentials: (string | undefined)[] = [];
  server.on("connect", (request: http.IncomingMessage, client: Duplex) => {
    targets.push(request.url ?? "");
    credentials.push(request.headers["proxy-authorization"]);
    if (hang === true) return;
    if (refuse === undefined)
      join(client, Number(request.url?.split(":").at(-1)), "HTTP/1.1 200 Connection established\r\n\r\n");
    else client.end(`HTTP/1.1 ${refuse}\r\n\r\n`);
  });
  return { address: `localhost:${String(await listenDuringTest(server))}`, targets, credentials };
}

/** A SOCKS5 proxy (RFC 1928); with `credentials` in the client's first message it asks for them (RFC 1929). */
export async function startSocksProxy(options: ProxyOptions = {}): Promise<RunningProxy> {
  const targets: string[] = [];
  const credentials: (string | undefined)[] = [];
  const server = net.createServer((client) => {
    let step: "greeting" | "credentials" | "request" | "joined" = "greeting";
    client.on("error", () => client.destroy());
    client.on("data", (data) => {
      if (step === "greeting") {
        const asksForPassword = data.subarray(2).includes(2);
        step = asksForPassword ? "credentials" : "request";
        if (!asksForPassword) credentials.push(undefined);
        if (options.hang !== true) client.write(Buffer.of(5, asksForPassword ? 2 : 0));
      } else if (step === "credentials") {
        const user = data.subarray(2, 2 + (data[1] ?? 0)).toString();
        credentials.push(`${user}:${data.subarray(3 + user.length).toString()}`);
        step = "request";
        client.write(Buffer.of(1, options.refuse === "credentials" ? 1 : 0));
      } else if (step === "request") {
        const isName = data[3] === 3;
        const host = isName ? data.subarray(5, 5 + (data[4] ?? 0)).toString() : data.subarray(4, 8).join(".");
        const port = data.readUInt16BE(data.length - 2);
        targets.push(`${host}:${String(port)}`);
        step = "joined";
        const granted = Buffer.of(5, 0, 0, 1, 127, 0, 0, 1, 0, 0);
        if (options.refuse === undefined) join(client, port, granted);
        else client.end(Buffer.of(5, 2, 0, 1, 0, 0, 0, 0, 0, 0));
      }
    });
  });
  return { address: `localhost:${String(await listenDuringTest(server))}`, targets, credentials };
}

function join(client: Duplex, port: number, granted: string | Buffer): void {
  const upstream = net.connect(port, "127.0.0.1", () => {
    client.write(granted);
    client.removeAllListeners("data");
    upstream.pipe(client).pipe(upstream);
  });
  upstream.on("error", () => client.destroy());
  client.on("error", () => upstream.destroy());
  client.on("close", () => upstream.destroy());
}
