import { renderBytes } from "../bytes.ts";
import { refuseRotation } from "../encryption/rotation.ts";
import type { Encryption } from "../encryption/secret.ts";
import { describeAlarm } from "../etcd/cluster-state.ts";
import type { Lock } from "../hold/lock.ts";
import { proveStored } from "../snapshots/proof.ts";
import { describeError, type ActionError } from "../errors.ts";
import type { SavedSnapshot } from "../pod/save.ts";
import { finishSnapshot } from "../pod/capture.ts";
import type { Opened } from "./capture.ts";
import { storedAs, type ProvenSnapshot } from "./record.ts";
import { transferSnapshot } from "./transfer.ts";
import { assertAsSaved, assertQuiet, judgeKeys } from "./verdict.ts";
import { seconds, type BackupWorld } from "./world.ts";

/** Facts of the run that the transfer and the proof of a snapshot need. */
interface KeepTerms {
  readonly nonce: string;
  readonly encryption: Encryption;
  readonly quiesced: boolean;
}

/** The snapshots that were proven, at least one, and the failures of the others. */
interface KeptSnapshots {
  readonly proven: readonly ProvenSnapshot[];
  readonly lost: readonly ActionError[];
}

/**
 * Brings the snapshots from their pods to the store one after the other, and proves each there. One that fails does not keep
 * those that are whole from being recorded; the failure is thrown where there is no other.
 */
export async function keepSnapshots(
  world: BackupWorld,
  { lock, opened }: { readonly lock: Lock; readonly opened: readonly Opened[] },
  terms: KeepTerms,
): Promise<KeptSnapshots> {
  const { log, signal } = world;
  const results = await log.group("Capture: wait until the snapshot is saved", () =>
    Promise.allSettled(opened.map((snapshot) => finishSnapshot(world, { member: snapshot.member, opened: snapshot }))),
  );
  const proven: ProvenSnapshot[] = [];
  const lost: ActionError[] = [];
  for (const [index, snapshot] of opened.entries()) {
    const result = results[index];
    try {
      if (result?.status !== "fulfilled") throw result?.reason;
      proven.push(await keepSnapshot(world, { lock, snapshot, saved: result.value }, terms));
    } catch (error) {
      const failure = describeError(error);
      lost.push(failure);
      if (signal.aborted) break;
      if (opened.length > 1)
        log.info(`the snapshot of pod ${snapshot.member.pod} is lost (${failure.code}: ${failure.message})`);
    }
  }
  const [first] = lost;
  if (proven.length === 0 && first !== undefined) throw first;
  return { proven, lost };
}

/** One saved snapshot, from its pod to the store, where it is proven. */
async function keepSnapshot(
  world: BackupWorld,
  { lock, snapshot, saved }: { readonly lock: Lock; readonly snapshot: Opened; readonly saved: SavedSnapshot },
  { nonce, encryption, quiesced }: KeepTerms,
): Promise<ProvenSnapshot> {
  const { log, clock } = world;
  const { member, key, file } = snapshot;
  const transferred = await log.group(`Transfer: from pod ${member.pod} to the store`, () =>
    transferSnapshot(world, { member, file, saved, key, nonce }, async () => {
      refuseRotation(await lock.assertHeld(), encryption);
    }),
  );
  const stored = { member, key, saved, ...transferred };
  return log.group("Proof: read every stored byte back, and what is in it", async () => {
    const startedMs = clock.nowMs();
    const read = await proveStored(world.store, storedAs(stored), transferred.digests, {
      keys: encryption.keys,
      openSpool: world.openSpool,
      signal: world.signal,
      ...(quiesced ? { quietRevision: snapshot.revisionBefore } : {}),
    });
    assertAsSaved(read, saved, member.pod);
    assertQuiet(read);
    for (const alarm of read.alarms) log.warning(describeAlarm(alarm));
    const keys = judgeKeys(read, encryption, log);
    log.info(
      `read ${renderBytes(saved.sizeBytes)} back in ${seconds(clock.nowMs() - startedMs)}: ${String(read.liveSet.keys)} live keys, ` +
        `${String(read.encrypted.checked)} of ${String(read.encrypted.values)} encrypted values opened with the kept keys`,
    );
    return { ...stored, snapshot: read, keys };
  });
}
