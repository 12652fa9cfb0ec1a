import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import type { Clock, Log, SnapshotStore } from "../../ports.ts";
import {
  describeCall,
  describeCallError,
  isAbsent,
  lookAtObject,
  sendCall,
  target,
  type StoreContext,
} from "./calls.ts";
import { watchAnswers } from "./answers.ts";
import { createStoreConnection, type StoreSettings } from "./client.ts";
import type { Environment } from "../../kubeconfig/proxies.ts";
import { createAmbientCheck, findAmbientExpiry, findGivenExpiry } from "./credentials.ts";
import { countVersions, listObjects, listUploads } from "./listing.ts";
import { decideByLook } from "./look.ts";
import { readObject } from "./reading.ts";
import { abortUpload, completeUpload, rehearseCompletion, startUpload, uploadPart } from "./uploads.ts";
import { putNewObject } from "./writing.ts";
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
  watchAnswers(connection.client, { ...connection, log: world.log });
  const checkCredentials =
    settings.credentials === undefined ? createAmbientCheck(connection.client, world.log) : () => Promise.resolve();
  const context = { settings, connection, clock: world.clock, log: world.log, signal: undefined, checkCredentials };
  return { ...decideByLook(createStore(context, environment), world.log), close: connection.close };
}

function createStore(context: StoreContext, environment: Environment): SnapshotStore {
  const { settings, connection } = context;
  return {
    bucket: settings.bucket,
    now: () => new Date(Date.now() + connection.learnt.clockOffsetMs),
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
    findObject: (key) => lookAtObject(context, key),
    putNewObject: (key, body, options) => putNewObject(context, key, body, options),
    startUpload: (key, metadata) => startUpload(context, key, metadata),
    uploadPart: (upload, number, body) => uploadPart(context, upload, number, body),
    completeUpload: (upload, parts) => completeUpload(context, upload, parts),
    rehearseCompletion: (upload) => rehearseCompletion(context, upload),
    abortUpload: (upload) => abortUpload(context, upload),
    listObjects: (prefix) => listObjects(context, prefix),
    listUploads: (prefix) => listUploads(context, prefix),
    readObject: (key, options) => readObject(context, key, options),
    countVersions: (key) => countVersions(context, key),
    deleteObject: (key) => deleteObject(context, key),
    signUrl: (key, options) => signUrl(context, key, options),
    tryUrl: async (url) => tryUrl(context, new URL(url)),
  };
}

async function deleteObject(context: StoreContext, key: string): Promise<void> {
  try {
    await sendCall(context, "DeleteObject", key, (options) =>
      context.connection.client.send(new DeleteObjectCommand(target(context, key)), options),
    );
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
