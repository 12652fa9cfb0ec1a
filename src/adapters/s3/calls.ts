import { Readable } from "node:stream";
import {
  GetObjectCommand,
  HeadObjectCommand,
  type GetObjectCommandOutput,
  type HeadObjectCommandOutput,
} from "@aws-sdk/client-s3";
import { backOffMs } from "../../back-off.ts";
import { ActionError, hasCode } from "../../errors.ts";
import type { Clock, Log, StoredObject } from "../../ports.ts";
import { quote } from "../../shown-text.ts";
import { isSafeKey } from "../../snapshots/location.ts";
import { limits } from "../../time-limits.ts";
import type { StoreConnection, StoreSettings } from "./client.ts";
import { describeStoreError, foreignAnswer, StoreError, type StoreCall, type StoreOperation } from "./errors.ts";
import type { StoreFailure } from "./failure.ts";

/** The context that every call of the store needs. */
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

/** The details of a call that an error tells. */
export function describeCall(context: StoreContext, operation: StoreOperation, key: string): StoreCall {
  const { settings, connection } = context;
  return {
    operation,
    key,
    bucket: settings.bucket,
    host: connection.host,
    region: connection.region,
    credentialsGiven: settings.credentials !== undefined,
    inForce: {
      checksums: connection.sendsChecksums,
      pathStyle: settings.forcePathStyle,
      encryption: settings.serverSideEncryption,
      extraAuthorities: connection.extraAuthorities,
    },
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
    throw new ActionError("input-invalid", `${quote(key)} is no key of an object`, {
      hint: "give a key of at most 1024 bytes, without a backslash, a control character, or an empty, . or .. part between slashes",
    });
}

/** An ActionError for what a call of the SDK, or reading its answer, threw; `cancelled` when the signal has aborted. */
export function describeCallError(context: StoreContext, call: StoreCall, error: unknown): ActionError {
  if (context.signal?.aborted !== true) return describeStoreError(error, call);
  const uri = `s3://${call.bucket}/${call.key}`;
  return new ActionError("cancelled", `the run was cancelled at ${call.operation} of ${uri}`, { cause: error });
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
  await context.clock.sleep(backOffMs(tries, limits), context.signal);
}

/** The store's failure in an error that `sendCall` threw. */
export function failureOf(error: unknown): StoreFailure | undefined {
  return error instanceof StoreError ? error.failure : undefined;
}

/** True for the store's own word that it has nothing of this name, and not somebody's that there is no such page. */
export function isAbsent(error: unknown): boolean {
  return hasCode(error, "object-not-found") || failureOf(error)?.name === "NoSuchUpload";
}

/** One HEAD; undefined when the object, but not the bucket, is absent. */
export async function lookAtObject(context: StoreContext, key: string): Promise<StoredObject | undefined> {
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
async function askForReason(context: StoreContext, key: string, refusal: unknown): Promise<StoredObject | undefined> {
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

/** Every S3 store gives an object an ETag and a length. */
function readLook(
  context: StoreContext,
  key: string,
  answer: HeadObjectCommandOutput | GetObjectCommandOutput,
  sizeBytes: number | undefined,
): StoredObject {
  if (answer.ETag === undefined || sizeBytes === undefined || Number.isNaN(sizeBytes))
    throw foreignAnswer(describeCall(context, "HeadObject", key));
  return {
    sizeBytes,
    // A bucket whose versions were switched off answers "null".
    ...(answer.VersionId === undefined || answer.VersionId === "null" ? {} : { versionId: answer.VersionId }),
    metadata: answer.Metadata ?? {},
  };
}
