import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import type { Clock, Log, SnapshotStore } from "../ports.ts";
import {
  describeCall,
  describeCallError,
  failureOf,
  lookAtObject,
  sendCall,
  target,
  type StoreContext,
} from "./s3-calls.ts";
import { createStoreConnection, type StoreSettings } from "./s3-client.ts";
import type { Environment } from "./proxy-environment.ts";
import { createAmbientCheck, findAmbientExpiry, findGivenExpiry } from "./s3-credentials.ts";
import { listObjects, listUploads } from "./s3-listing.ts";
import { readObject } from "./s3-reading.ts";
import { abortUpload, completeUpload, startUpload, uploadPart } from "./s3-uploads.ts";
import { putNewObject } from "./s3-writing.ts";
import { signUrl, tryUrl } from "./signed-url.ts";

/**
 * One bucket of an S3-compatible object store; nothing is contacted before the first call. `close` ends its idle connections.
 * Throws `input-missing`, `input-invalid` for settings that cannot work. `environment` is that of the process, unless given: it
 * says the ambient region, the expiry of ambient credentials, and the proxies.
 */
export function createSnapshotStore(
  settings: StoreSettings,
  world: { readonly clock: Clock; readonly log?: Log; readonly environment?: Environment },
): SnapshotStore & { close(): void } {
  const environment = world.environment ?? process.env;
  const connection = createStoreConnection(settings, environment);
  const checkCredentials =
    settings.credentials === undefined ? createAmbientCheck(connection.client, world.log) : () => Promise.resolve();
  const context = { settings, connection, clock: world.clock, log: world.log, signal: undefined, checkCredentials };
  return { ...createStore(context, environment), close: connection.close };
}

function createStore(context: StoreContext, environment: Environment): SnapshotStore {
  const { settings, connection } = context;
  return {
    bucket: settings.bucket,
    withSignal: (signal) => createStore({ ...context, signal }, environment),
    findCredentialsExpiry: async () => {
      const signing = settings.presignCredentials ?? settings.credentials;
      if (signing !== undefined) return findGivenExpiry(signing, environment);
      try {
        return await findAmbientExpiry(connection.client);
      } catch (error) {
        throw describeCallError(context, describeCall(context, "HeadObject", ""), error);
      }
    },
    findObject: async (key) => (await lookAtObject(context, key))?.stored,
    putNewObject: (key, body, options) => putNewObject(context, key, body, options),
    startUpload: (key, metadata) => startUpload(context, key, metadata),
    uploadPart: (upload, number, body) => uploadPart(context, upload, number, body),
    completeUpload: (upload, parts, expected) => completeUpload(context, upload, parts, expected),
    abortUpload: (upload) => abortUpload(context, upload),
    listObjects: (prefix) => listObjects(context, prefix),
    listUploads: (prefix) => listUploads(context, prefix),
    readObject: (key, options) => readObject(context, key, options),
    deleteObject: (key, options) => deleteObject(context, key, options?.versionId),
    signUrl: (key, options) => signUrl(context, key, options),
    tryUrl: async (url) => tryUrl(context, new URL(url)),
  };
}

async function deleteObject(context: StoreContext, key: string, versionId: string | undefined): Promise<void> {
  try {
    await sendCall(context, versionId === undefined ? "DeleteObject" : "DeleteObjectVersion", key, (options) =>
      context.connection.client.send(
        new DeleteObjectCommand({
          ...target(context, key),
          ...(versionId === undefined ? {} : { VersionId: versionId }),
        }),
        options,
      ),
    );
  } catch (error) {
    const { status, name } = failureOf(error) ?? {};
    // A version that is not there any more: versitygw answers that its id is no valid argument.
    const gone = versionId !== undefined && name === "InvalidArgument";
    if ((status !== 404 || name === "NoSuchBucket") && !gone) throw error;
  }
}
