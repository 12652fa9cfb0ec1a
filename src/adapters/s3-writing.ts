import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { ActionError, describeError, hasCode } from "../errors.ts";
import type { StoredObject } from "../ports.ts";
import {
  failureOf,
  lookAtObject,
  sendCall,
  target,
  waitForRetry,
  type LookedAtObject,
  type StoreContext,
} from "./s3-calls.ts";

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
  const md5 = createHash("md5").update(body);
  const md5Hex = md5.copy().digest("hex");
  const command = {
    ...target(context, key),
    Body: body,
    ContentLength: body.byteLength,
    ContentType: options.contentType,
    Metadata: { ...options.metadata },
    IfNoneMatch: "*",
    ...(context.connection.sendsChecksums
      ? { ChecksumCRC32: crc32Base64(body) }
      : { ContentMD5: md5.digest("base64") }),
  };
  let versionId: string | undefined;
  try {
    const answer = await withRetries(context, ["ConditionalRequestConflict", ...damagedCodes], () =>
      sendCall(context, "PutObject", key, (sendOptions) => client.send(new PutObjectCommand(command), sendOptions)),
    );
    versionId = answer.VersionId;
  } catch (error) {
    // A try whose answer was lost makes the next one fail: only a look tells whose object it is.
    const found = await decideByLook(context, key, describeError(error), (look) => {
      const plain = look.encryption === undefined || look.encryption === "AES256";
      const comparable = plain && /^[0-9a-f]{32}$/.test(look.etag);
      const { stored } = look;
      const same = stored.sizeBytes === body.byteLength && hasMetadata(stored, options.metadata);
      return same && (!comparable || look.etag === md5Hex);
    });
    versionId = found.stored.versionId;
  }
  return versionId === undefined || versionId === "null" ? {} : { versionId };
}

/**
 * The object at `key` when `isOurs`; else `failure`, or `object-exists` when it is another one. A look that fails as well says
 * less than `failure`.
 */
export async function decideByLook(
  context: StoreContext,
  key: string,
  failure: ActionError | undefined,
  isOurs: (look: LookedAtObject) => boolean,
): Promise<LookedAtObject> {
  if (failure?.code === "cancelled") throw failure;
  let look: LookedAtObject | undefined;
  try {
    look = await lookAtObject(context, key);
  } catch (error) {
    throw failure === undefined || hasCode(error, "cancelled") ? error : failure;
  }
  if (look !== undefined && isOurs(look)) return look;
  if (failure !== undefined) throw failure;
  if (look === undefined) throw incomplete(context, key, "the store confirmed the object, but does not have it");
  const uri = `s3://${context.settings.bucket}/${key}`;
  throw new ActionError("object-exists", `${uri} is there, but it is not this run's object`, {
    hint: "something else writes to this prefix; run the backup again, it takes a name of its own",
  });
}

/** `metadata` holds a nonce, so an empty one proves nothing. */
export function hasMetadata(stored: StoredObject, metadata: Metadata): boolean {
  const entries = Object.entries(metadata);
  return entries.length > 0 && entries.every(([name, value]) => stored.metadata[name.toLowerCase()] === value);
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
  return new ActionError("store-refused", `could not write s3://${context.settings.bucket}/${key}: ${problem}`);
}

export function crc32Base64(body: Buffer): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return sum.toString("base64");
}
