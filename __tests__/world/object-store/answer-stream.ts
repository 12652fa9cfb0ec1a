import type http from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { readContent } from "./content.ts";
import { createRequestIds } from "./error-answer.ts";
import type { Outcome } from "./exchange.ts";
import type { LoggedRequest } from "./request-log.ts";
import type { Answer } from "./s3-request.ts";
import { limitSpeed } from "./speed-limit.ts";

export function writeHead(response: http.ServerResponse, answer: Answer, nowMs: number): void {
  const ids = createRequestIds();
  const { status, body } = answer;
  const length =
    body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.last - body.first + 1;
  response.statusCode = status;
  response.setHeader("Date", new Date(nowMs).toUTCString());
  response.setHeader("Server", "AmazonS3");
  response.setHeader("x-amz-request-id", ids.requestId);
  response.setHeader("x-amz-id-2", ids.hostId);
  if (status !== 204 && status !== 304) response.setHeader("Content-Length", length);
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
}

/** Rejects when the client went away, or a fault cut the body. */
export async function writeBody(
  response: http.ServerResponse,
  { answer, fault }: Outcome,
  isHead: boolean,
  entry: LoggedRequest,
): Promise<void> {
  const body = answer?.body;
  if (isHead || body === undefined || answer?.status === 304) {
    response.end();
  } else if (typeof body === "string") {
    entry.sentBytes = Buffer.byteLength(body);
    response.end(body);
  } else {
    const cutAfter = fault?.kind === "cut-body" ? fault.afterBytes : Number.POSITIVE_INFINITY;
    await pipeline(async function* () {
      for await (const chunk of limitSpeed(readContent(body), fault)) {
        const rest = chunk.subarray(0, Math.max(cutAfter - entry.sentBytes, 0));
        entry.sentBytes += rest.byteLength;
        yield rest;
        if (entry.sentBytes >= cutAfter) {
          // What was written is on its way before the connection goes.
          await sleep(20);
          throw new Error("cut");
        }
      }
    }, response);
  }
}
