import { Readable } from "node:stream";
import { GetObjectCommand, type GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { ActionError, hasCode } from "../../errors.ts";
import type { ByteRange } from "../../ports.ts";
import { keepRate } from "./answers.ts";
import {
  describeCall,
  describeCallError,
  failureOf,
  sendCall,
  target,
  waitForRetry,
  type StoreContext,
} from "./calls.ts";

/**
 * The bytes of an object, or of a range of it. A connection that is cut or silent is replaced by one that goes on where it stopped, in the same
 * version, as often as a call is tried. Throws `object-not-found`; `store-refused` when the object changed meanwhile.
 */
export async function* readObject(
  context: StoreContext,
  key: string,
  options: { readonly versionId?: string; readonly range?: ByteRange } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { range } = options;
  const last = range === undefined ? "" : String(range.offset + range.lengthBytes - 1);
  let offset = 0;
  let first: GetObjectCommandOutput | undefined;
  for (let tries = 1; ; tries += 1) {
    const answer = await openFrom(context, key, {
      range: offset > 0 || range !== undefined ? { from: (range?.offset ?? 0) + offset, last } : undefined,
      versionId: options.versionId ?? first?.VersionId,
      etag: first?.ETag,
    });
    first ??= answer;
    const sizeBytes = first.ContentLength ?? 0;
    if (!(answer.Body instanceof Readable)) throw changed(context, key, "the store sent no body");
    try {
      for await (const chunk of keepRate(answer.Body, context.connection.limits)) {
        offset += chunk.byteLength;
        if (offset > sizeBytes) throw changed(context, key, `the store sent more than ${sizeBytes} bytes`);
        yield chunk;
      }
    } catch (error) {
      if (error instanceof ActionError) throw error;
      const failure = describeCallError(context, describeCall(context, "GetObject", key), error);
      if (hasCode(failure, "cancelled") || tries >= context.connection.limits.storeTries) throw failure;
    }
    if (offset === sizeBytes) return;
    if (tries >= context.connection.limits.storeTries)
      throw changed(context, key, `the store sent ${offset} of ${sizeBytes} bytes`);
    context.log?.debug(`reading s3://${context.settings.bucket}/${key} goes on at byte ${offset}`);
    await waitForRetry(context, tries);
  }
}

async function openFrom(
  context: StoreContext,
  key: string,
  {
    range,
    versionId,
    etag,
  }: {
    readonly range: { readonly from: number; readonly last: string } | undefined;
    readonly versionId: string | undefined;
    readonly etag: string | undefined;
  },
): Promise<GetObjectCommandOutput> {
  const pinned = versionId !== undefined && versionId !== "null";
  const operation = pinned ? "GetObjectVersion" : "GetObject";
  try {
    const answer = await sendCall(context, operation, key, (options) =>
      context.connection.client.send(
        new GetObjectCommand({
          ...target(context, key),
          ...(pinned ? { VersionId: versionId } : {}),
          ...(range === undefined ? {} : { Range: `bytes=${range.from}-${range.last}` }),
          ...(range !== undefined && etag !== undefined ? { IfMatch: etag } : {}),
        }),
        options,
      ),
    );
    if (range === undefined || answer.ContentRange?.startsWith(`bytes ${range.from}-`) === true) return answer;
    if (answer.Body instanceof Readable) answer.Body.destroy();
  } catch (error) {
    if (failureOf(error)?.status === 412) throw changed(context, key, "the object changed while it was read");
    throw error;
  }
  throw changed(context, key, "the store does not send a part of an object");
}

function changed(context: StoreContext, key: string, problem: string): ActionError {
  return new ActionError("store-refused", `could not read s3://${context.settings.bucket}/${key}: ${problem}`, {
    hint: "run again; where it happens again, look at who writes to the bucket, and at proxies before the store",
  });
}
