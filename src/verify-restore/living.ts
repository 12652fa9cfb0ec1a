import { ActionError, hasCode } from "../errors.ts";
import type { NamedKey } from "../etcd/aescbc.ts";
import { SnapshotDigest, type SnapshotDigests } from "../etcd/snapshot-digest.ts";
import { readSnapshot, type Snapshot, type SnapshotOptions } from "../etcd/snapshot.ts";
import type { LiveIndex } from "../etcd/survivors.ts";
import { finishSnapshot, openSnapshot } from "../pod/capture.ts";
import { streamFile } from "../pod/file-stream.ts";
import { tryRemoveFiles } from "../pod/leftovers.ts";
import { etcdContainer, type Member } from "../pod/member.ts";
import type { SavedSnapshot } from "../pod/save.ts";
import { createProgress } from "../progress.ts";
import type { Spool } from "../snapshots/spool.ts";
import { limits } from "../time-limits.ts";
import type { VerifyRestoreWorld } from "./world.ts";

interface ReadingTerms {
  readonly member: Member;
  readonly nonce: string;
  /** The keys that the cluster has. */
  readonly keys: readonly NamedKey[];
  /** What is alive in the stored snapshot. */
  readonly earlier: LiveIndex | undefined;
  /** Called when the revision is known that will be read, and before it is; see SnapshotOptions. */
  readonly findHashKvAt: (revision: number) => Promise<SnapshotOptions["hashKvAt"]>;
}

const partBytes = 8 * 1024 * 1024;

/** The saved file in the container of a member. */
interface SavedFile {
  readonly member: Member;
  readonly file: string;
}

/**
 * Saves what one living member has, beside its running API servers, and reads it whole on this runner. Its file in the pod is
 * removed in every case. Throws as openSnapshot, finishSnapshot and readSaved do, and `snapshot-invalid` for a member whose
 * database is damaged.
 */
export async function readLiving(world: VerifyRestoreWorld, terms: ReadingTerms): Promise<Snapshot> {
  const { cluster, remember } = world;
  const { member, nonce } = terms;
  const pod = { namespace: member.namespace, name: member.pod };
  remember({ pod, nonce });
  try {
    const opened = await openSnapshot(world, { member, nonce }, () => cluster.readServerTime());
    const saved = await finishSnapshot(world, { member, opened });
    return await readFile(world, { member, file: opened.file }, { ...terms, saved });
  } finally {
    const signal = world.signal.aborted ? world.clock.timeout(limits.undoOnSignalMs) : new AbortController().signal;
    if (await tryRemoveFiles({ ...world, signal }, [pod], nonce)) world.forget();
  }
}

async function readFile(
  world: VerifyRestoreWorld,
  file: SavedFile,
  { saved, keys, earlier, findHashKvAt }: ReadingTerms & { readonly saved: SavedSnapshot },
): Promise<Snapshot> {
  const { openSpool, signal } = world;
  const hashKvAt = await findHashKvAt(saved.revision);
  const spool = await openSpool(saved.sizeBytes);
  try {
    const digests = await spoolFile(world, file, { saved, spool });
    const options = {
      ...{ keys, digests, signal },
      ...(earlier === undefined ? {} : { earlier }),
      ...(hashKvAt === undefined ? {} : { hashKvAt }),
    };
    return await readSnapshot(await spool.createSource(), options).catch((error: unknown) => {
      if (!hasCode(error, "snapshot-invalid")) throw error;
      throw new ActionError(
        "snapshot-invalid",
        `the etcd of pod ${file.member.pod}, saved and read whole, is damaged: ${error.message}`,
        { hint: "look at the disk and the log of the member; restore again before the cluster is used", cause: error },
      );
    });
  } finally {
    await spool.close();
  }
}

async function spoolFile(
  world: VerifyRestoreWorld,
  { member: { namespace, pod }, file }: SavedFile,
  { saved, spool }: { readonly saved: SavedSnapshot; readonly spool: Spool },
): Promise<SnapshotDigests> {
  const digest = new SnapshotDigest(saved.sizeBytes);
  const progress = createProgress(world, "read", saved.sizeBytes);
  let readBytes = 0;
  await streamFile(
    world,
    { container: etcdContainer({ namespace, name: pod }), file, sizeBytes: saved.sizeBytes, partBytes },
    {
      inOrder: (bytes) => {
        digest.update(bytes);
      },
      each: async ({ offset }, bytes) => {
        await spool.write(bytes, offset);
        readBytes += bytes.length;
        progress(readBytes);
      },
    },
  );
  const digests = digest.digest();
  if (digests.trailerMatches && digests.trailer === saved.trailer) return digests;
  throw new ActionError("transfer-failed", `what was read from pod ${pod} is damaged`, {
    hint: "run again; if it happens again, the member's disk or the way to it alters data",
  });
}
