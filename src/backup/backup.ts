import { assertSealable } from "../encryption/seal.ts";
import { Lock } from "../hold/lock.ts";
import { dropJournal } from "../hold/put-back.ts";
import { countReady } from "../hold/writers-return.ts";
import { tryRemoveFiles } from "../pod/leftovers.ts";
import { preflight, type BackupPlan } from "../preflight/preflight.ts";
import { tryAbortUploads } from "../snapshots/removal.ts";
import { openSnapshots, type OpenedSnapshots } from "./capture.ts";
import { listUnsealed, tellKeys } from "./key-notice.ts";
import { keepSnapshots } from "./keep.ts";
import { compareMembers, listWhole } from "./members.ts";
import { lookBack } from "./history.ts";
import { tellPlan, termsOf } from "./plan.ts";
import { whileStopped } from "./quiesce.ts";
import { recoverFirst } from "./recover-first.ts";
import { nothingReleased, waitForRelease, whileStarting, type Release } from "./release.ts";
import { describeOutputs, findNewest, storedAs, writeRecord } from "./record.ts";
import { retain, tellRetention } from "./retention.ts";
import { sealKeys } from "./sealed-keys.ts";
import { signSnapshotUrl } from "../snapshots/tried-url.ts";
import { orUndo } from "./undo.ts";
import { bindSignal, type BackupReport, type BackupRequest, type BackupWorld, type Note } from "./world.ts";

/** The request, the plan that preflight allows, and the report, where `note` writes what becomes true. */
interface Run {
  readonly request: BackupRequest;
  readonly plan: BackupPlan;
  readonly report: Readonly<BackupReport>;
  readonly note: Note;
}

/**
 * Backs up the etcd of one hosted cluster. Each fact is noted in `report` as it becomes true, so that a run that fails
 * still tells it. Whatever happens after the cluster was touched, it is put back before this throws.
 */
export async function backUp(request: BackupRequest, world: BackupWorld, report: BackupReport): Promise<void> {
  const { log, store } = world;
  const note: Note = (facts) => {
    Object.assign(report, facts);
  };
  await assertSealable(request.recipients);
  if (!request.dryRun) await recoverFirst(request, world, note);
  const plan = await log.group("Preflight: look at the cluster and the store, change nothing", () =>
    preflight(request, world),
  );
  const [capture] = plan.captures;
  const secretName = plan.encryption.secret?.name;
  if (capture) note({ etcdVersion: capture.member.version });
  if (secretName !== undefined) note({ encryptionKeySecretName: secretName });
  note(tellKeys(plan, request.recipients, log));
  if (request.dryRun) {
    const steps = tellPlan(request, plan, { log, bucket: store.bucket });
    note({ plan: [...steps, ...(await tellRetention(world, { request, plan }))] });
    return;
  }
  note({ readyBefore: countReady(plan.writers) });
  const terms = { ref: request.hostedCluster, prefix: request.prefix, report, note };
  await orUndo(world, terms, (remembering) => backUpHeld({ request, plan, report, note }, remembering));
}

/** Everything from the lock to its end. */
async function backUpHeld(run: Run, world: BackupWorld): Promise<void> {
  const { request, plan, note } = run;
  const { nonce } = plan.run;
  const acquire = (): Promise<Lock> => Lock.acquire(termsOf(request, plan, world.run), world);
  const lock = await (request.quiesce ? acquire() : world.log.group("Hold: take the lock, pause nothing", acquire));
  await lock.during(async (signal) => {
    const held = bindSignal(world, signal);
    const open = (): Promise<OpenedSnapshots> => openSnapshots(held, plan, () => lock.assertHeld());
    if (request.quiesce) {
      const { opened, stoppedAtMs } = await whileStopped(held, lock, { terms: { ...plan, note }, open });
      // The snapshot travels while the API servers start; only the end of the run waits for them.
      await whileStarting(held, { ...plan, lock, stoppedAtMs, note }, (release) =>
        keepOpened(run, held, { lock, ...opened, release }),
      );
    } else {
      note({ apiDowntimeSeconds: 0 });
      const opened = await held.log.group("Capture: open a snapshot beside running API servers", open);
      await keepOpened(run, held, { lock, ...opened, release: nothingReleased });
    }
  });
  await dropJournal(world, lock.ref, nonce);
}

/** Everything that happens while nothing is stopped: transfer, proof, keys, record, history, URL, retention. */
async function keepOpened(
  { request, plan, report, note }: Run,
  world: BackupWorld,
  { lock, release, ...snapshots }: OpenedSnapshots & { readonly lock: Lock; readonly release: Release },
): Promise<void> {
  const { log, store } = world;
  const terms = { nonce: plan.run.nonce, encryption: plan.encryption, quiesced: request.quiesce };
  const { proven: read, lost } = await keepSnapshots(world, { lock, opened: snapshots.opened }, terms);
  const compared = await log.group("Members: compare all, once the API servers are back", async () => {
    await waitForRelease(release, world);
    return compareMembers(world, { snapshots: read, members: plan.members });
  });
  const proven = listWhole(read, compared);
  const { sealed, failure: unsealed } = await sealKeys(world, plan, request.recipients);
  if (sealed === undefined) note(listUnsealed(plan));
  const { down, unproven } = await log.group("Record: say that the snapshot exists", async () => {
    const { run: workflow, version } = world;
    const about = { ...plan, workflow, version, createdAt: lock.now(), times: report };
    const facts = { ...about, snapshots: proven, compared, sealed };
    const recordUri = await writeRecord(world, facts, () => lock.assertNotTaken());
    note({ recordUri, ...describeOutputs(facts, store.bucket) });
    log.info(`${report.snapshotUri ?? ""} is a backup now`);
    const unproven = proven.find(({ keys }) => keys.failure !== undefined)?.keys.failure ?? compared.failure;
    return {
      down: await release.ended,
      unproven: snapshots.lost[0] ?? lost[0] ?? [...compared.lost.values()][0] ?? unproven ?? unsealed,
    };
  });
  const pods = plan.captures.map(({ member: { namespace, pod: name } }) => ({ namespace, name }));
  const keys = plan.captures.map(({ key }) => key);
  await Promise.all([tryRemoveFiles(world, pods, plan.run.nonce), tryAbortUploads(world, keys)]);
  // API servers that are not back are brought back before anything is looked at.
  if (down !== undefined) throw down;
  world.signal.throwIfAborted();
  const catalogue = await log.group("History: see how this backup is among the others of its cluster", () =>
    lookBack(world, { plan, note }),
  );
  if (unproven !== undefined) throw unproven;
  if (request.presign)
    note(await signSnapshotUrl(world, storedAs(findNewest(proven)), request.presignExpiresInSeconds));
  // The record stays: the snapshot is whole, also where somebody took the hosted cluster over since its last look.
  await lock.assertHeld();
  await retain(world, { plan, note, catalogue, policy: request.retention });
}
