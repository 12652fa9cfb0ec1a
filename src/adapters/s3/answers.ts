import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import type { Log } from "../../ports.ts";
import { at, numberAt, stringAt } from "../../json-path.ts";
import type { StoreLimits } from "./client.ts";
import { foreignName } from "./errors.ts";

/** The facts that a store's answers have told so far, shared by all that talk to it. */
export interface Learnt {
  /** False once it refused `If-None-Match` as something that it does not know. */
  conditionalWrites: boolean;
  /** False once it took an upload without confirming the encryption that was asked for. */
  confirmsEncryption: boolean;
  /** True once it took no part without Content-MD5: buckets with Object Lock ask for it. */
  asksForMd5: boolean;
  /** How far the store's clock is ahead of this machine's, by the `Date` of the last answer. */
  clockOffsetMs: number;
}

/**
 * Looks at each answer before the SDK does: notes the store's clock, with one warning where it is far from this machine's,
 * and reads every body that is not an object's with limits, since the SDK has none. Throws an Error named TimeoutError,
 * AnswerTooLarge, or ForeignAnswer for a page.
 */
export function watchAnswers(
  client: S3Client,
  world: { readonly learnt: Learnt; readonly limits: StoreLimits; readonly log: Log | undefined },
): void {
  let warned = false;
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const result = await next(args);
      const response = result.response;
      const status = numberAt(response, "statusCode") ?? 0;
      const date = Date.parse(stringAt(response, "headers", "date") ?? "");
      if (!Number.isNaN(date)) {
        world.learnt.clockOffsetMs = date - Date.now();
        if (!warned && Math.abs(world.learnt.clockOffsetMs) >= world.limits.clockWarnMs) {
          warned = true;
          world.log?.warning(describeOffset(world.learnt.clockOffsetMs));
        }
      }
      const body = at(response, "body");
      const isObject = context.commandName === "GetObjectCommand" && status < 300;
      if (!isObject && body instanceof Readable && typeof response === "object" && response !== null) {
        const bytes = await readBounded(body, world.limits);
        // The SDK takes a page for a removal that was done. Some stores call an answer without a body so as well.
        if (
          status < 300 &&
          bytes.length > 0 &&
          /^text\/html/i.test(stringAt(response, "headers", "content-type") ?? "")
        )
          throw failure(foreignName);
        Reflect.set(response, "body", Readable.from(bytes.length === 0 ? [] : [bytes]));
      }
      return result;
    },
    { step: "deserialize", priority: "low", name: "watchAnswers" },
  );
}

function describeOffset(offsetMs: number): string {
  const seconds = String(Math.round(Math.abs(offsetMs) / 1000));
  const where = offsetMs > 0 ? "behind" : "ahead of";
  return `the clock of this runner is ${seconds} s ${where} the store's: signed URLs go by the store's; set the runner's`;
}

/** The whole of a small answer; an error without end or a page of another kind would fill the memory or never come. */
async function readBounded(body: Readable, limits: StoreLimits): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  const timer = setTimeout(() => {
    body.destroy(failure("TimeoutError"));
  }, limits.storeAnswerMs);
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > limits.storeAnswerMaxBytes) throw failure("AnswerTooLarge");
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return Buffer.concat(chunks);
}

/**
 * `body`, as long as it is not silent and keeps to the lowest rate over each window; the time that its reader takes does not
 * count. Throws an Error named TimeoutError: a byte now and then is not silence, and would never end.
 */
export async function* keepRate(body: Readable, limits: StoreLimits): AsyncGenerator<Uint8Array, void, undefined> {
  let waitedMs = 0;
  let windowBytes = 0;
  let askedMs = performance.now();
  const listen = (): NodeJS.Timeout => setTimeout(() => body.destroy(failure("TimeoutError")), limits.storeRequestMs);
  let silence = listen();
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      clearTimeout(silence);
      waitedMs += performance.now() - askedMs;
      windowBytes += chunk.byteLength;
      if (waitedMs >= limits.storeRateWindowMs) {
        if (windowBytes * 1000 < limits.storeBytesPerSecond * waitedMs) throw failure("TimeoutError");
        waitedMs = 0;
        windowBytes = 0;
      }
      yield chunk;
      askedMs = performance.now();
      silence = listen();
    }
  } finally {
    clearTimeout(silence);
  }
}

function failure(name: string): Error {
  return Object.assign(new Error("a store's answer was given up"), { name });
}
