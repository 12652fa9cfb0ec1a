import { decideByLook } from "../../../src/adapters/s3/look.ts";
import { ActionError, type ErrorCode } from "../../../src/errors.ts";
import type { SnapshotStore, Upload, UploadedPart } from "../../../src/ports.ts";
import { limits } from "../../../src/time-limits.ts";
import type { Machine } from "./machine.ts";
import type { MemoryBucket } from "./bucket.ts";
import type { Wire } from "./wire.ts";

interface Connection {
  readonly wire: Wire;
  readonly machine: Machine;
  readonly signal: AbortSignal | undefined;
}

/** The port to the object store, in memory, decided by looks as the action does. */
export function createMemoryStore(bucket: MemoryBucket, wire: Wire, machine: Machine): SnapshotStore {
  return decideByLook(connect(bucket, { wire, machine, signal: undefined }), undefined);
}

function connect(bucket: MemoryBucket, connection: Connection): SnapshotStore {
  const { machine, signal } = connection;
  const call = <T>(operation: string, effect: () => T): Promise<T> =>
    machine.receive(() => send(connection, operation, effect), signal);
  return {
    bucket: bucket.name,
    now: () => bucket.now(),
    withSignal: (next) => connect(bucket, { ...connection, signal: next }),
    findCredentialsExpiry: () => Promise.resolve(undefined),
    findObject: (key) => call("head object", () => bucket.find(key)),
    putNewObject: (key, body, { metadata }) =>
      call("put object", () => {
        bucket.put(key, body, metadata);
        return {};
      }),
    startUpload: (key, metadata) => call("create upload", () => bucket.startUpload(key, metadata)),
    uploadPart: (upload, number, body) => call("put part", (): UploadedPart => bucket.putPart(upload, number, body)),
    completeUpload: async (upload, parts) => {
      await call("complete upload", () => {
        bucket.complete(upload, parts);
      });
      const found = await call("head object", () => bucket.find(upload.key));
      if (found === undefined) throw refused("store-refused");
      return found;
    },
    rehearseCompletion: () => call("try completion", () => undefined),
    abortUpload: (upload: Upload) =>
      call("abort upload", () => {
        bucket.abort(upload);
      }),
    listObjects: (prefix) => call("list objects", () => bucket.list(prefix)),
    listUploads: (prefix) => call("list uploads", () => bucket.listUploads(prefix)),
    readObject: (key, { range } = {}) =>
      readPieces(bucket, connection, () =>
        call("get object", () => {
          const bytes = bucket.read(key);
          return range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.lengthBytes);
        }),
      ),
    countVersions: (key) => call("list versions", () => bucket.countVersions(key)),
    deleteObject: (key) =>
      call("delete object", () => {
        bucket.delete(key);
      }),
    signUrl: (key, { expiresInSeconds }) => Promise.resolve(bucket.sign(key, expiresInSeconds)),
    tryUrl: (url) => call("get url", () => bucket.readSigned(url).length),
  };
}

/** The SDK is a part of what is played here: it has tries of its own. */
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
