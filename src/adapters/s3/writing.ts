import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { ActionError } from "../../errors.ts";
import type { StoreError } from "./errors.ts";
import { failureOf, lookAtObject, sendCall, target, waitForRetry, type StoreContext } from "./calls.ts";

/** User metadata of an object. */
export type Metadata = Readonly<Record<string, string>>;

/** Codes of a body that changed on the way; the SDK does not send it again by itself. */
export const damagedCodes = [
  "BadDigest",
  "InvalidDigest",
  "IncompleteBody",
  "XAmzContentChecksumMismatch",
  "XAmzContentSHA256Mismatch",
];

export async function putNewObject(
  context: StoreContext,
  key: string,
  body: Buffer,
  options: { readonly contentType: string; readonly metadata: Metadata },
): Promise<{ readonly versionId?: string }> {
  const { client } = context.connection;
  const command = {
    ...target(context, key),
    Body: body,
    ContentLength: body.byteLength,
    ContentType: options.contentType,
    Metadata: { ...options.metadata },
    ...encryptionOf(context),
    ...(context.connection.sendsChecksums
      ? { ChecksumCRC32: crc32Base64(body) }
      : { ContentMD5: createHash("md5").update(body).digest("base64") }),
  };
  const { VersionId: versionId } = await writeNew(context, key, (condition) =>
    withRetries(context, ["ConditionalRequestConflict", ...damagedCodes], () =>
      sendCall(context, "PutObject", key, (sendOptions) =>
        client.send(new PutObjectCommand({ ...command, ...condition }), {
          ...sendOptions,
          requestTimeout: sendingMs(context, body),
        }),
      ),
    ),
  );
  return versionId === undefined || versionId === "null" ? {} : { versionId };
}

/**
 * The answer of `send`, with `If-None-Match: *`; for a store that does not know it, after a look and without. Throws
 * `object-exists` for an object that the look finds.
 */
export async function writeNew<T>(
  context: StoreContext,
  key: string,
  send: (condition: { readonly IfNoneMatch?: "*" }) => Promise<T>,
): Promise<T> {
  const { learnt } = context.connection;
  let refusal: unknown;
  if (learnt.conditionalWrites) {
    try {
      return await send({ IfNoneMatch: "*" });
    } catch (error) {
      if (!isUnknown(error)) throw error;
      refusal = error;
    }
  }
  if ((await lookAtObject(context, key)) !== undefined)
    throw new ActionError("object-exists", `there is an object at s3://${context.settings.bucket}/${key} already`, {
      hint: "objects are never overwritten; run the backup again, it takes a name of its own",
      cause: refusal,
    });
  const answer = await send({});
  writeUnconditionally(context);
  return answer;
}

/** True for the answer of a store that does not know a part of the request. */
export function isUnknown(error: unknown): error is StoreError {
  const { status, name } = failureOf(error) ?? {};
  return status === 501 || name === "NotImplemented";
}

/** From now on writes come without the condition, and after a look; told once. */
export function writeUnconditionally({ connection: { learnt }, log }: StoreContext): void {
  if (learnt.conditionalWrites)
    log?.info("This store knows no If-None-Match: the action looks whether an object is there before it writes.");
  learnt.conditionalWrites = false;
}

/** How long sending `body` may take, its answer included, at the lowest rate. */
export function sendingMs(context: StoreContext, body: Buffer): number {
  const { storeRequestMs, storeBytesPerSecond } = context.connection.limits;
  return storeRequestMs + Math.ceil((body.byteLength / storeBytesPerSecond) * 1000);
}

/** The encryption that is asked of the store for an object. */
export function encryptionOf(context: StoreContext) {
  const { serverSideEncryption, kmsKeyId } = context.settings;
  return {
    ...(serverSideEncryption === undefined ? {} : { ServerSideEncryption: serverSideEncryption }),
    ...(kmsKeyId === undefined ? {} : { SSEKMSKeyId: kmsKeyId }),
  };
}

export async function withRetries<T>(
  context: StoreContext,
  names: readonly string[],
  run: () => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await run();
    } catch (error) {
      const name = failureOf(error)?.name;
      if (name === undefined || !names.includes(name) || tries >= context.connection.limits.storeTries) throw error;
      await waitForRetry(context, tries);
    }
  }
}

export function incomplete(context: StoreContext, key: string, problem: string): ActionError {
  return new ActionError("store-refused", `could not write s3://${context.settings.bucket}/${key}: ${problem}`, {
    hint: "run again; where it happens again, look at the store's log, and at proxies before the store",
  });
}

export function crc32Base64(body: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return sum.toString("base64");
}
