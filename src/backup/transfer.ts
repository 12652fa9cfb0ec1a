import { renderBytes } from "../bytes.ts";
import { ActionError } from "../errors.ts";
import { SnapshotDigest, type SnapshotDigests } from "../etcd/snapshot-digest.ts";
import { streamFile } from "../pod/file-stream.ts";
import { etcdContainer, type Member } from "../pod/member.ts";
import type { SavedSnapshot } from "../pod/save.ts";
import type { Clock, Log, ManagementCluster, SnapshotStore, StoredObject, Upload, UploadedPart } from "../ports.ts";
import { createProgress } from "../progress.ts";
import { limits } from "../time-limits.ts";
import { seconds } from "./world.ts";

/** Some stores want all parts but the last equally long, and none smaller; larger ones cost memory. S3 allows 10,000. */
const smallestPartBytes = 8 * 1024 * 1024;
const mostParts = 10_000;

/** The parts of the world that a transfer needs; `signal` ends it. */
interface TransferWorld {
  readonly cluster: ManagementCluster;
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A saved file in a pod, and the object that it is to become. */
interface Source {
  readonly member: Member;
  readonly file: string;
  readonly saved: SavedSnapshot;
  readonly key: string;
  readonly nonce: string;
}

export interface Transferred {
  readonly object: StoredObject;
  readonly digests: SnapshotDigests;
}

/**
 * Brings the snapshot from the pod to the store: parts, each of which must have exactly its bytes, several in flight, into a
 * multipart upload that is completed only when every byte was seen in order, etcd's own checksum is right, and
 * `beforeComplete` throws nothing. Throws `transfer-failed`; the upload is aborted then.
 */
export async function transferSnapshot(
  world: TransferWorld,
  source: Source,
  beforeComplete: () => Promise<void>,
): Promise<Transferred> {
  const { store, clock, log } = world;
  const { saved, key, nonce, member } = source;
  const startedMs = clock.nowMs();
  const metadata = { nonce, revision: String(saved.revision), "etcd-sha256": saved.trailer };
  const upload = await store.startUpload(key, metadata);
  try {
    const { parts, digests } = await sendParts(world, source, upload);
    if (!digests.trailerMatches || digests.trailer !== saved.trailer)
      throw new ActionError(
        "transfer-failed",
        `the snapshot that left pod ${member.pod} is damaged: its last 32 bytes are not ` +
          (digests.trailerMatches ? "those that the tools in the pod read" : "the SHA-256 of the others"),
        {
          hint: "run again; if it happens again, the member's disk or the way to it alters data",
        },
      );
    await beforeComplete();
    const object = await store.completeUpload(upload, parts, { sizeBytes: saved.sizeBytes, metadata });
    log.info(
      `sent ${renderBytes(digests.sizeBytes)} in ${seconds(clock.nowMs() - startedMs)}, SHA-256 ${digests.sha256}`,
    );
    return { object, digests };
  } catch (error) {
    // The first failure is the one to tell; an upload that stays is found again by its key.
    await store
      .withSignal(clock.timeout(limits.undoOnSignalMs))
      .abortUpload(upload)
      .catch(() => undefined);
    throw error;
  }
}

async function sendParts(
  world: TransferWorld,
  source: Source,
  upload: Upload,
): Promise<{ parts: readonly UploadedPart[]; digests: SnapshotDigests }> {
  const { sizeBytes } = source.saved;
  const partBytes = Math.max(smallestPartBytes, Math.ceil(sizeBytes / mostParts));
  const digest = new SnapshotDigest(sizeBytes);
  const parts: UploadedPart[] = [];
  const progress = createProgress(world, "sent", sizeBytes);
  let sentBytes = 0;
  const container = etcdContainer({ namespace: source.member.namespace, name: source.member.pod });
  await streamFile(
    world,
    { container, file: source.file, sizeBytes, partBytes },
    {
      inOrder: (bytes) => {
        digest.update(bytes);
      },
      each: async ({ index }, bytes, signal) => {
        parts[index] = await world.store.withSignal(signal).uploadPart(upload, index + 1, bytes);
        sentBytes += bytes.length;
        progress(sentBytes);
      },
    },
  );
  return { parts, digests: digest.digest() };
}
