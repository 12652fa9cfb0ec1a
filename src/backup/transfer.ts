import { ActionError } from "../errors.ts";
import { SnapshotDigest, type SnapshotDigests } from "../etcd/snapshot-digest.ts";
import { partCommand, type SavedSnapshot } from "../etcd/snapshot-save.ts";
import type { StoredObject, Upload, UploadedPart } from "../ports.ts";
import { renderBytes } from "../snapshot/byte-size.ts";
import { limits } from "../time-limits.ts";
import { podOf } from "./capture.ts";
import { refuseRotation } from "./encryption.ts";
import { execAgain } from "./exec-again.ts";
import type { Hold } from "./hold.ts";
import type { BackupPlan } from "./preflight.ts";
import type { BackupWorld } from "./world.ts";

/** Smaller parts are not allowed, larger ones cost memory without being faster; S3 allows 10,000. */
const smallestPartBytes = 8 * 1024 * 1024;
const mostParts = 10_000;
const partsInFlight = 4;
const progressEveryMs = 5_000;

export interface Transferred {
  readonly object: StoredObject;
  readonly digests: SnapshotDigests;
}

/**
 * Brings the snapshot from the pod to the store: parts, each read by an exec of its own that must yield exactly its
 * bytes, several in flight, into a multipart upload that is completed only when every byte was seen in order and etcd's
 * own checksum is right. Throws `transfer-failed`; the upload is aborted then.
 */
export async function transferSnapshot(
  plan: BackupPlan,
  source: { readonly file: string; readonly saved: SavedSnapshot },
  hold: Hold,
  world: BackupWorld,
): Promise<Transferred> {
  const { saved } = source;
  const metadata = { nonce: plan.nonce, revision: String(saved.revision), "etcd-sha256": saved.trailer };
  const upload = await world.store.startUpload(plan.key, metadata);
  try {
    const { parts, digests } = await sendParts(plan, source, upload, hold, world);
    if (!digests.trailerMatches || digests.trailer !== saved.trailer)
      throw new ActionError(
        "transfer-failed",
        `the snapshot that left pod ${plan.member.pod} is damaged: its last 32 bytes are not ` +
          (digests.trailerMatches ? "those that the tools in the pod read" : "the SHA-256 of the others"),
        {
          hint: "run again; if it happens again, the member's disk or the way to it alters data",
        },
      );
    refuseRotation(await hold.assertHeld(), plan.encryption);
    const object = await world.store.completeUpload(upload, parts, { sizeBytes: saved.sizeBytes, metadata });
    return { object, digests };
  } catch (error) {
    // The first failure is the one to tell; an upload that stays is found again by its key.
    await world.store
      .withSignal(world.clock.timeout(limits.undoOnSignalMs))
      .abortUpload(upload)
      .catch(() => undefined);
    throw error;
  }
}

async function sendParts(
  plan: BackupPlan,
  source: { readonly file: string; readonly saved: SavedSnapshot },
  upload: Upload,
  hold: Hold,
  world: BackupWorld,
): Promise<{ parts: readonly UploadedPart[]; digests: SnapshotDigests }> {
  const { sizeBytes } = source.saved;
  const partBytes = Math.max(smallestPartBytes, Math.ceil(sizeBytes / mostParts));
  const count = Math.ceil(sizeBytes / partBytes);
  const digest = new SnapshotDigest(sizeBytes);
  const parts: UploadedPart[] = [];
  const progress = createProgress(sizeBytes, world);
  const failure = new AbortController();
  const bounded: BackupWorld = bindSignal(world, AbortSignal.any([world.signal, failure.signal]));
  // Parts are hashed in their order, whichever order they arrive in: each waits for the one before it.
  let next = 0;
  let hashed: Promise<unknown> = Promise.resolve();
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const before = hashed;
      const turn = Promise.withResolvers<undefined>();
      // A part that fails ends the whole transfer; whoever waits for its turn learns it from there.
      turn.promise.catch(() => undefined);
      hashed = turn.promise;
      try {
        const offset = index * partBytes;
        const bytes = await readPart(plan, source.file, offset, Math.min(partBytes, sizeBytes - offset), bounded);
        const sent = bounded.store.uploadPart(upload, index + 1, bytes);
        await Promise.all([
          sent,
          before.then(() => {
            digest.update(bytes);
            turn.resolve(undefined);
          }),
        ]);
        parts[index] = await sent;
        progress(bytes.length);
        await hold.keep();
      } catch (error) {
        turn.reject(error);
        throw error;
      }
    }
  };
  const workers = Array.from({ length: Math.min(partsInFlight, count) }, () =>
    worker().catch((error: unknown) => {
      failure.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  if (failure.signal.aborted) throw failure.signal.reason;
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return { parts, digests: digest.digest() };
}

/** One part, of exactly `lengthBytes`. */
async function readPart(
  plan: BackupPlan,
  file: string,
  offset: number,
  lengthBytes: number,
  world: BackupWorld,
): Promise<Buffer> {
  const options = { timeoutMs: limits.partTimeoutMs, expectedBytes: lengthBytes };
  const argv = partCommand(file, offset, lengthBytes);
  const result = await execAgain(podOf(plan), argv, options, world, limits.podPatienceMs);
  if (result.exitCode === 0) return result.stdout;
  throw new ActionError(
    "transfer-failed",
    `reading ${file} at byte ${String(offset)} in pod ${plan.member.pod} ended with ${String(result.exitCode)}`,
    {
      hint: "the pod may have been replaced by one without its volume; run again",
    },
  );
}

/** The same world, whose calls end when `signal` aborts. */
export function bindSignal(world: BackupWorld, signal: AbortSignal): BackupWorld {
  return { ...world, signal, cluster: world.cluster.withSignal(signal), store: world.store.withSignal(signal) };
}

function createProgress(totalBytes: number, world: BackupWorld): (bytes: number) => void {
  const startedMs = world.clock.nowMs();
  let printedMs = startedMs;
  let sentBytes = 0;
  return (bytes) => {
    sentBytes += bytes;
    const nowMs = world.clock.nowMs();
    if (nowMs - printedMs < progressEveryMs) return;
    printedMs = nowMs;
    const rate = sentBytes / ((nowMs - startedMs) / 1000);
    world.log.info(
      `sent ${renderBytes(sentBytes)} of ${renderBytes(totalBytes)}, ${renderBytes(rate)}/s, ${String(Math.ceil((totalBytes - sentBytes) / rate))} s left`,
    );
  };
}
