import { ActionError, hasCode } from "../errors.ts";
import type { NamedKey } from "../etcd/aescbc.ts";
import type { HashKvPoint } from "../etcd/hash-kv.ts";
import { SnapshotDigest, type SnapshotDigests } from "../etcd/snapshot-digest.ts";
import { readSnapshot, type Snapshot } from "../etcd/snapshot.ts";
import type { SnapshotStore } from "../ports.ts";
import { formatSnapshotUri, type StoredSnapshot } from "./location.ts";
import type { OpenSpool, Spool } from "./spool.ts";

/** The stored bytes as they have to be; without a record nobody knows the SHA-256 of the whole. */
export interface ExpectedBytes {
  readonly sizeBytes: number;
  /** SHA-256 of the whole file, lower-case hex. */
  readonly sha256?: string;
}

export interface ProofOptions {
  /** The keys that were kept. */
  readonly keys: readonly NamedKey[];
  readonly openSpool: OpenSpool;
  /** Where the members were asked for their HashKV. */
  readonly hashKvAt?: HashKvPoint;
  /** The revision at which all writers had stopped. */
  readonly quietRevision?: number;
  /** Whether an index of what is alive is kept, for a comparison with a later etcd. */
  readonly indexLive?: boolean;
  /** Ends the reading with its own reason. */
  readonly signal?: AbortSignal;
}

type ReadableStore = Pick<SnapshotStore, "bucket" | "readObject">;

/**
 * Reads every byte of a stored object back once, by its version where it has one, and reads them as the database of etcd that
 * they are. Throws `proof-failed` for bytes of another length, hash, trailer or structure; `object-not-found`,
 * `encryption-key-invalid`; `runner-full` and `runner-unwritable` of the spool. Keys, tail and hashes of members are told, not
 * judged.
 */
export async function proveStored(
  store: ReadableStore,
  object: StoredSnapshot,
  expected: ExpectedBytes,
  options: ProofOptions,
): Promise<Snapshot> {
  const { openSpool, ...readerOptions } = options;
  const uri = formatSnapshotUri({ bucket: store.bucket, key: object.key });
  const spool = await openSpool(expected.sizeBytes);
  try {
    const digests = await spoolObject(store, object, { spool, sizeBytes: expected.sizeBytes });
    checkBytes(digests, expected, uri);
    options.signal?.throwIfAborted();
    return await readSnapshot(await spool.createSource(), { ...readerOptions, digests }).catch((error: unknown) => {
      if (!hasCode(error, "snapshot-invalid")) throw error;
      // The store gave back what it got.
      throw new ActionError("proof-failed", `of the object ${uri}, read back, ${error.message}`, {
        hint: "look at the disk and the log of the member that it came from, then run again",
        cause: error,
      });
    });
  } finally {
    await spool.close();
  }
}

async function spoolObject(
  store: ReadableStore,
  { key, versionId }: StoredSnapshot,
  { spool, sizeBytes }: { readonly spool: Spool; readonly sizeBytes: number },
): Promise<SnapshotDigests> {
  const digest = new SnapshotDigest(sizeBytes);
  let seenBytes = 0;
  // One chunk is written while it is hashed, and while the next one comes.
  let written = Promise.resolve();
  for await (const chunk of store.readObject(key, versionId === undefined ? {} : { versionId })) {
    await written;
    const offset = seenBytes;
    seenBytes += chunk.length;
    // A store that does not end would fill the runner.
    if (seenBytes <= sizeBytes) written = spool.write(chunk, offset);
    // A failure is told by the next look at it.
    written.catch(() => undefined);
    digest.update(chunk);
    if (seenBytes > sizeBytes) break;
  }
  await written;
  return digest.digest();
}

function checkBytes(found: SnapshotDigests, expected: ExpectedBytes, uri: string): void {
  const difference =
    found.sizeBytes !== expected.sizeBytes
      ? `has ${found.sizeBytes > expected.sizeBytes ? "more than" : "only"} ${String(Math.min(found.sizeBytes, expected.sizeBytes))} bytes, not ${String(expected.sizeBytes)}`
      : expected.sha256 !== undefined && found.sha256 !== expected.sha256
        ? "does not hold the bytes that were sent"
        : undefined;
  if (difference === undefined) return;
  throw new ActionError("proof-failed", `the object ${uri}, read back, ${difference}`, {
    hint: "do not trust this store before its operator has found out why",
  });
}
