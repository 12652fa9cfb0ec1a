import { Readable } from "node:stream";
import {
  GetObjectCommand,
  HeadObjectCommand,
  type GetObjectCommandOutput,
  type HeadObjectCommandOutput,
} from "@aws-sdk/client-s3";
import { ActionError, hasCode } from "../errors.ts";
import type { Clock, Log, StoredObject } from "../ports.ts";
import { isSafeKey } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";
import type { StoreConnection, StoreSettings } from "./s3-client.ts";
import { describeStoreError, foreignAnswer, type StoreCall, type StoreOperation } from "./s3-errors.ts";
import { readFailure, type StoreFailure } from "./s3-failure.ts";

/** What every call of the store needs. */
export interface StoreContext {
  readonly settings: StoreSettings;
  readonly connection: StoreConnection;
  readonly clock: Clock;
  readonly log: Log | undefined;
  readonly signal: AbortSignal | undefined;
  /** Throws when there are none, or none that can be sent. */
  readonly checkCredentials: () => Promise<void>;
}

interface SendOptions {
  readonly abortSignal?: AbortSignal;
}

/** An object as a look at it shows it; `etag` without its quotes. */
export interface LookedAtObject {
  readonly stored: StoredObject;
  readonly etag: string;
  readonly encryption: string | undefined;
}

/** What an error says of a call. */
export function describeCall(context: StoreContext, operation: StoreOperation, key: string): StoreCall {
  const { settings, connection } = context;
  return {
    operation,
    key,
    bucket: settings.bucket,
    host: connection.host,
    region: connection.region,
    credentialsGiven: settings.credentials !== undefined,
  };
}

/** Runs one call of the SDK; whatever it throws comes back as an ActionError, `cancelled` when the signal has aborted. */
export async function sendCall<T>(
  context: StoreContext,
  operation: StoreOperation,
  key: string,
  send: (options: SendOptions) => Promise<T>,
): Promise<T> {
  const { signal } = context;
  const call = describeCall(context, operation, key);
  checkKey(key);
  try {
    signal?.throwIfAborted();
    await context.checkCredentials();
    return await send(signal === undefined ? {} : { abortSignal: signal });
  } catch (error) {
    throw describeCallError(context, call, error);
  }
}

/** Throws `input-invalid`: the SDK sends `..` as it is, and servers resolve it, so the request would reach another bucket. */
export function checkKey(key: string): void {
  if (!isSafeKey(key))
    throw new ActionError("input-invalid", `${JSON.stringify(key.slice(0, 200))} is no key of an object`);
}

/** An ActionError for what a call of the SDK, or reading its answer, threw; `cancelled` when the signal has aborted. */
export function describeCallError(context: StoreContext, call: StoreCall, error: unknown): ActionError {
  if (context.signal?.aborted === true)
    return describeStoreError(Object.assign(new Error("aborted", { cause: error }), { name: "AbortError" }), call);
  return describeStoreError(error, call);
}

/** Bucket and key of a command, with the owner that the bucket must have. */
export function target(
  context: StoreContext,
  key: string,
): { readonly Bucket: string; readonly Key: string; readonly ExpectedBucketOwner?: string } {
  const { bucket, expectedBucketOwner } = context.settings;
  return {
    Bucket: bucket,
    Key: key,
    ...(expectedBucketOwner === undefined ? {} : { ExpectedBucketOwner: expectedBucketOwner }),
  };
}

/** Waits before try number `tries` + 1 of something that the SDK does not repeat by itself. */
export async function waitForRetry(context: StoreContext, tries: number): Promise<void> {
  const delayMs = Math.min(limits.retryDelayMs * 2 ** (tries - 1), limits.retryDelayMaxMs);
  await context.clock.sleep(Math.round(delayMs * (0.5 + Math.random() / 2)), context.signal);
}

/** What the store said, of an error that `sendCall` threw. */
export function failureOf(error: unknown): StoreFailure | undefined {
  return error instanceof ActionError && error.cause !== undefined ? readFailure(error.cause) : undefined;
}

/** One HEAD; undefined when the object, but not the bucket, is absent. */
export async function lookAtObject(context: StoreContext, key: string): Promise<LookedAtObject | undefined> {
  const { client } = context.connection;
  try {
    const answer = await sendCall(context, "HeadObject", key, (options) =>
      client.send(new HeadObjectCommand(target(context, key)), options),
    );
    return readLook(context, key, answer, answer.ContentLength);
  } catch (error) {
    const status = failureOf(error)?.status ?? 0;
    if (status < 300 || status >= 500) throw error;
    return await askForReason(context, key, error);
  }
}

/** A refused HEAD has no body, so a wrong secret, a missing bucket and a missing permission look alike; a GET tells which it is. */
async function askForReason(context: StoreContext, key: string, refusal: unknown): Promise<LookedAtObject | undefined> {
  const { client } = context.connection;
  try {
    const answer = await sendCall(context, "HeadObject", key, (options) =>
      client.send(new GetObjectCommand({ ...target(context, key), Range: "bytes=0-0" }), options),
    );
    if (answer.Body instanceof Readable) answer.Body.destroy();
    return readLook(
      context,
      key,
      answer,
      Number(/\/(\d+)$/.exec(answer.ContentRange ?? "")?.[1] ?? answer.ContentLength),
    );
  } catch (error) {
    if (hasCode(error, "object-not-found")) return undefined;
    throw failureOf(error)?.status === 416 ? refusal : error;
  }
}

/** Every S3 store gives an object an ETag. */
function readLook(
  context: StoreContext,
  key: string,
  answer: HeadObjectCommandOutput | GetObjectCommandOutput,
  sizeBytes: number | undefined,
): LookedAtObject {
  if (answer.ETag === undefined) throw foreignAnswer(describeCall(context, "HeadObject", key));
  return {
    stored: {
      sizeBytes: sizeBytes ?? 0,
      // A bucket whose versions were switched off answers "null".
      ...(answer.VersionId === undefined || answer.VersionId === "null" ? {} : { versionId: answer.VersionId }),
      metadata: answer.Metadata ?? {},
    },
    etag: answer.ETag.replaceAll('"', ""),
    encryption: answer.ServerSideEncryption,
  };
}
