import https from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { ResponseContext, wrapHttpLibrary, type HttpLibrary, type RequestContext } from "@kubernetes/client-node";
import { ActionError } from "../errors.ts";
import { describeConnectionError, isLasting, oddAnswer, timedOut } from "./kubernetes-errors.ts";
import { hostOf, isInTrouble, isWarmingUp, noteAway, type Connection } from "./kubernetes-connection.ts";

/**
 * How the typed clients send a request: with a time-out, tried again where that may help, redirects not followed. The stock
 * one has none of it. Every request of this action sets something to a value, so that doing it twice is doing it once.
 * Throws `cluster-unreachable` when no try was answered, or not by an API server, and `cancelled`.
 */
export function createTransport(connection: Connection): HttpLibrary {
  return wrapHttpLibrary({ send: (request) => send(connection, request) });
}

async function send(connection: Connection, request: RequestContext): Promise<ResponseContext> {
  const { log, clock, signal } = connection;
  const what = `${request.getHttpMethod()} ${new URL(request.getUrl()).pathname}`;
  const firstMs = clock.nowMs();
  for (let tries = 1; ; tries += 1) {
    const startedMs = clock.nowMs();
    const answer = await sendOnce(connection, request).catch((error: unknown) => toError(error));
    const endedMs = clock.nowMs();
    if (signal?.aborted === true) throw new ActionError("cancelled", `${what} was interrupted`, { cause: answer });
    const enough = isEnough(connection, tries, endedMs - firstMs);
    if (answer instanceof Error) {
      const problem = describeConnectionError(answer, hostOf(connection));
      log.debug(`${what}: ${problem.message} after ${String(endedMs - startedMs)} ms`);
      noteAway(connection);
      if (enough || isLasting(answer)) throw problem;
    } else {
      log.debug(`${what}: ${String(answer.httpStatusCode)} after ${String(endedMs - startedMs)} ms`);
      const inTrouble = isInTrouble(answer.httpStatusCode);
      if (inTrouble) noteAway(connection);
      if (enough || !(inTrouble || isWarmingUp(connection, answer.httpStatusCode))) {
        if (await isOdd(answer)) throw oddAnswer(what);
        return answer;
      }
    }
    await clock.sleep(delayMs(connection, tries, answer), signal);
  }
}

/** A server that never answered is not waited for; one that did is only away. */
function isEnough({ limits, seen }: Connection, tries: number, tookMs: number): boolean {
  return tries >= limits.requestTries && (!seen.answered || tookMs >= limits.requestPatienceMs);
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

/** Doubled each time, with jitter so that many runs do not come back at once; Retry-After counts up to the longest delay. */
function delayMs(connection: Connection, tries: number, answer: ResponseContext | Error): number {
  const { retryDelayMs, retryDelayMaxMs } = connection.limits;
  const ownMs = Math.min(retryDelayMs * 2 ** (tries - 1), retryDelayMaxMs) * (0.5 + Math.random() / 2);
  const asked = answer instanceof Error ? undefined : answer.headers["retry-after"];
  const askedMs = asked !== undefined && /^\d+$/.test(asked) ? Number(asked) * 1000 : 0;
  return Math.round(Math.min(Math.max(ownMs, askedMs), retryDelayMaxMs));
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
    const response = await Promise.race([ended.promise, readAnswer(outgoing, body)]);
    connection.seen.answered = true;
    return response;
  } catch (error) {
    outgoing.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", cancel);
  }
}

async function readAnswer(outgoing: ClientRequest, body: string | undefined): Promise<ResponseContext> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", resolve);
    outgoing.end(body);
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk as Uint8Array));
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
