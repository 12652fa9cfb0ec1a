import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { KeyPair } from "../certificates.ts";
import { writeBody, writeHead } from "./answer-stream.ts";
import { renderErrorAnswer } from "./error-answer.ts";
import type { FaultAction } from "./faults.ts";
import { handleRequest, type Outcome, type StoreWorld } from "./exchange.ts";
import { createEntry, describeTarget, type LoggedRequest, type RequestLog } from "./request-log.ts";
import { parseTarget } from "./request-target.ts";
import { S3Error } from "./s3-error.ts";
import { limitSpeed } from "./speed-limit.ts";
import type { Answer } from "./s3-request.ts";

export interface ServerOptions {
  readonly world: StoreWorld;
  readonly log: RequestLog;
  readonly nowMs: () => number;
  readonly address: string;
  /** Absent: plain HTTP. */
  readonly certificate: KeyPair | undefined;
  /** Told of what is a defect of this store, not of a request. */
  readonly onDefect: (error: unknown) => void;
}

export interface RunningServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a free port of the address. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { certificate } = options;
  const listener = (expectsContinue: boolean) => (request: http.IncomingMessage, response: http.ServerResponse) => {
    serve(options, request, response, expectsContinue).catch(options.onDefect);
  };
  // No limit of time: a test may send slower than any.
  const settings = { requestTimeout: 0, keepAliveTimeout: 60_000 };
  const server =
    certificate === undefined
      ? http.createServer(settings, listener(false))
      : https.createServer(
          { ...settings, key: certificate.privateKey, cert: certificate.certificate },
          listener(false),
        );
  server.on("checkContinue", listener(true));
  server.listen(0, options.address);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the object store has no port");
  return {
    port: address.port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  options: ServerOptions,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  expectsContinue: boolean,
): Promise<void> {
  const headers = joinHeaders(request.rawHeaders);
  const method = request.method ?? "";
  const entry = createEntry(method, headers);
  options.log.add(entry);
  response.once("close", () => {
    entry.endedMs = Date.now();
    options.log.announce(entry);
  });
  const body = { isOpen: false };
  async function* openBody(fault: FaultAction | undefined): AsyncGenerator<Uint8Array> {
    body.isOpen = true;
    if (expectsContinue) response.writeContinue();
    for await (const chunk of limitSpeed(chunksOf(request), fault)) {
      entry.receivedBytes += chunk.byteLength;
      yield chunk;
    }
  }
  let outcome: Outcome;
  try {
    const target = parseTarget(request.url ?? "");
    describeTarget(entry, target, headers.get("authorization"));
    options.log.announce(entry);
    outcome = await handleRequest(options.world, { method, target, headers, nowMs: options.nowMs(), openBody }, entry);
  } catch (error) {
    // The client went away, perhaps after it had sent all of a body that was not all read yet.
    if (request.errored !== null || (request.destroyed && !request.complete)) return;
    outcome = { answer: describeFailure(error, entry, options), fault: undefined };
  }
  const { answer, fault } = outcome;
  if (answer === undefined) {
    if (fault?.kind === "reset") request.socket.destroy();
    return;
  }
  entry.status = answer.status;
  if (fault?.kind === "answer" || fault?.kind === "error-in-200") entry.errorCode = fault.code;
  options.log.announce(entry);
  writeHead(response, answer, options.nowMs());
  // The body that was not asked for may come or not: what follows on this connection could be either.
  if (expectsContinue && !body.isOpen) response.setHeader("Connection", "close");
  try {
    await writeBody(response, outcome, method === "HEAD", entry);
  } catch {
    response.destroy();
  }
}

function describeFailure(error: unknown, entry: LoggedRequest, options: ServerOptions): Answer {
  if (error instanceof S3Error) {
    entry.errorCode = error.code;
    return renderErrorAnswer(error);
  }
  options.onDefect(error);
  entry.errorCode = "InternalError";
  return renderErrorAnswer({ status: 500, code: "InternalError", message: String(error) });
}

function joinHeaders(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const joined = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? "";
    const value = rawHeaders[index + 1] ?? "";
    const previous = joined.get(name);
    joined.set(name, previous === undefined ? value : `${previous},${value}`);
  }
  return joined;
}

async function* chunksOf(request: http.IncomingMessage): AsyncGenerator<Uint8Array> {
  // A refusal in the middle of a body is answered on the same connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) if (Buffer.isBuffer(chunk)) yield chunk;
}
