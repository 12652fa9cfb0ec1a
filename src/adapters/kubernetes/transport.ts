import https from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { ResponseContext, wrapHttpLibrary, type HttpLibrary, type RequestContext } from "@kubernetes/client-node";
import { ActionError } from "../../errors.ts";
import { describeConnectionError, oddAnswer, timedOut } from "./errors.ts";
import { dropIdleSockets, hostOf, type Connection } from "./connection.ts";

/**
 * How the typed clients send a request: once, with a time-out, redirects not followed. The stock one has none of it.
 * Throws `cluster-unreachable` when it was not answered, or not by an API server, and `cancelled`.
 */
export function createTransport(connection: Connection): HttpLibrary {
  return wrapHttpLibrary({ send: (request) => send(connection, request) });
}

async function send(connection: Connection, request: RequestContext): Promise<ResponseContext> {
  const { log, clock, signal } = connection;
  const what = `${request.getHttpMethod()} ${new URL(request.getUrl()).pathname}`;
  const startedMs = clock.nowMs();
  const answer = await sendOnce(connection, request).catch((error: unknown) => toError(error));
  const took = `after ${String(clock.nowMs() - startedMs)} ms`;
  if (answer instanceof Error) dropIdleSockets(connection);
  if (signal?.aborted === true) throw new ActionError("cancelled", `${what} was interrupted`, { cause: answer });
  if (answer instanceof Error) {
    const problem = answer instanceof ActionError ? answer : describeConnectionError(answer, hostOf(connection));
    log.debug(`${what}: ${problem.message} ${took}`);
    throw problem;
  }
  log.debug(`${what}: ${String(answer.httpStatusCode)} ${took}`);
  if (await isOdd(answer)) throw oddAnswer(what);
  return answer;
}

/** True for a success without a JSON object: the typed clients would read a page of HTML as an object without fields. */
async function isOdd({ httpStatusCode, headers, body }: ResponseContext): Promise<boolean> {
  if (httpStatusCode < 200 || httpStatusCode > 299) return false;
  if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) return true;
  try {
    const value: unknown = JSON.parse(await body.text());
    return typeof value !== "object" || value === null;
  } catch {
    return true;
  }
}

async function sendOnce(connection: Connection, request: RequestContext): Promise<ResponseContext> {
  const { agent, headers, signal, limits } = connection;
  signal?.throwIfAborted();
  const body = request.getBody();
  if (body !== undefined && typeof body !== "string") throw new TypeError("only text can be sent");
  const outgoing = https.request(request.getUrl(), {
    agent,
    method: request.getHttpMethod(),
    headers: {
      ...request.getHeaders(),
      ...headers,
      ...(body === undefined ? {} : { "content-length": Buffer.byteLength(body) }),
    },
  });
  const ended = Promise.withResolvers<never>();
  const cancel = (): void => {
    ended.reject(toError(signal?.reason));
  };
  const timer = setTimeout(() => {
    ended.reject(timedOut());
  }, limits.requestTimeoutMs);
  signal?.addEventListener("abort", cancel);
  try {
    // Not left to the request: it tells its end only once it has a socket, and one that waits for a proxy has none.
    return await Promise.race([ended.promise, readAnswer(outgoing, body, limits.apiAnswerMaxBytes)]);
  } catch (error) {
    outgoing.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

async function readAnswer(
  outgoing: ClientRequest,
  body: string | undefined,
  maxBytes: number,
): Promise<ResponseContext> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", resolve);
    outgoing.end(body);
  });
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw oddAnswer("a request");
    chunks.push(Buffer.from(chunk));
  }
  const content = Buffer.concat(chunks);
  const headers = Object.entries(response.headers).flatMap(([name, value]): [string, string][] =>
    typeof value === "string" ? [[name, value]] : [],
  );
  return new ResponseContext(response.statusCode ?? 0, Object.fromEntries(headers), {
    text: () => Promise.resolve(content.toString("utf8")),
    binary: () => Promise.resolve(content),
    stream: () => Readable.toWeb(Readable.from([content])),
  });
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error("something that is no error was thrown");
}
