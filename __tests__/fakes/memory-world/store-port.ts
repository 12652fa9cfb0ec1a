import { ActionError, type ErrorCode } from "../../../src/errors.ts";
import type { SnapshotStore, StoredObject, Upload, UploadedPart } from "../../../src/ports.ts";
import { limits } from "../../../src/time-limits.ts";
import type { Machine } from "./machine.ts";
import type { MemoryBucket } from "./bucket.ts";
import type { Wire } from "./wire.ts";

interface Connection {
  readonly wire: Wire;
  readonly machine: Machine;
  readonly signal: AbortSignal | undefined;
}

/** The port to the object store, in memory: with the looks and the retries of the adapter of the action. */
export function createMemoryStore(bucket: MemoryBucket, wire: Wire, machine: Machine): SnapshotStore {
  return connect(bucket, { wire, machine, signal: undefined });
}

function connect(bucket: MemoryBucket, connection: Connection): SnapshotStore {
  const { machine, signal } = connection;
  const call = <T>(operation: string, effect: () => T): Promise<T> =>
    machine.receive(() => send(connection, operation, effect), signal);
  const look = (key: string): Promise<StoredObject | undefined> =>
    send(connection, "head object", () => bucket.find(key));
  return {
    bucket: bucket.name,
    withSignal: (next) => connect(bucket, { ...connection, signal: next }),
    findCredentialsExpiry: () => Promise.resolve(undefined),
    findObject: (key) => call("head object", () => bucket.find(key)),
    putNewObject: (key, body, { metadata }) =>
      machine.receive(
        () =>
          decideByLook(
            send(connection, "put object", () => {
              bucket.put(key, body, metadata);
            }).then(() => ({})),
            () => look(key),
            (found) => (isSame(found, body.length, metadata) ? {} : undefined),
          ),
        signal,
      ),
    startUpload: (key, metadata) => call("create upload", () => bucket.startUpload(key, metadata)),
    uploadPart: (upload, number, body) => call("put part", (): UploadedPart => bucket.putPart(upload, number, body)),
    completeUpload: (upload, parts, { sizeBytes, metadata }) =>
      machine.receive(
        () =>
          decideByLook(
            send(connection, "complete upload", () => {
              bucket.complete(upload, parts);
            }).then(() => look(upload.key)),
            () => look(upload.key),
            (found) => (isSame(found, sizeBytes, metadata) ? found : undefined),
          ).then((found) => found ?? Promise.reject(refused("store-refused"))),
        signal,
      ),
    abortUpload: (upload: Upload) =>
      call("abort upload", () => {
        bucket.abort(upload);
      }),
    listObjects: (prefix) => call("list objects", () => bucket.list(prefix)),
    listUploads: (prefix) => call("list uploads", () => bucket.listUploads(prefix)),
    readObject: (key) => readPieces(bucket, connection, () => call("get object", () => bucket.read(key))),
    deleteObject: (key) =>
      call("delete object", () => {
        bucket.delete(key);
      }),
    signUrl: (key, { expiresInSeconds }) => Promise.resolve(bucket.sign(key, expiresInSeconds)),
    tryUrl: (url) => call("get url", () => bucket.readSigned(url).length),
  };
}

/** A failed write may have been done by a try whose answer was lost: the object tells. */
async function decideByLook<T>(
  written: Promise<T>,
  look: () => Promise<StoredObject | undefined>,
  accept: (found: StoredObject) => T | undefined,
): Promise<T> {
  try {
    return await written;
  } catch (error) {
    const found = await look().catch(() => undefined);
    const accepted = found === undefined ? undefined : accept(found);
    if (accepted === undefined) throw error;
    return accepted;
  }
}

function isSame(found: StoredObject, sizeBytes: number, metadata: Readonly<Record<string, string>>): boolean {
  return (
    found.sizeBytes === sizeBytes && Object.entries(metadata).every(([name, value]) => found.metadata[name] === value)
  );
}

/** Tried as often as the SDK is told to. */
async function send<T>(connection: Connection, operation: string, effect: () => T): Promise<T> {
  const { wire, machine, signal } = connection;
  for (let tries = 1; ; tries += 1) {
    const answer = await wire.send({ service: "store", operation, machine }, limits.storeRequestMs, effect);
    if (answer.kind === "value") return answer.value;
    if (answer.kind === "error") throw answer.error;
    if (answer.kind === "refused" || answer.kind === "barred") throw refused("store-access-denied");
    if (tries >= limits.storeTries) throw refused("store-unreachable");
    await machine.sleep(100 * 2 ** (tries - 1), signal);
  }
}

const pieceBytes = 4096;

async function* readPieces(
  bucket: MemoryBucket,
  { machine, signal }: Connection,
  open: () => Promise<Buffer>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = await open();
  if (bucket.readMsPerPiece === 0) {
    yield bytes;
    return;
  }
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    await machine.sleep(bucket.readMsPerPiece, signal);
    yield bytes.subarray(offset, offset + pieceBytes);
  }
}

function refused(code: ErrorCode): ActionError {
  return new ActionError(code, "the store refused a call", { hint: "look at the store" });
}
