import { describeError, hasCode, type ActionError } from "../errors.ts";
import type { SavedSnapshot } from "../etcd/snapshot-save.ts";
import type { Journal } from "../hypershift/journal.ts";
import { removeSnapshotFiles, tryAbortUploads } from "../recover/clean-up.ts";
import { clearRun } from "../recover/dead-run.ts";
import { dropJournal, putBack, waitForWriters } from "../recover/put-back.ts";
import { createRecoverReport, recoverFirst } from "../recover/recover.ts";
import { renderBytes } from "../snapshot/byte-size.ts";
import { formatSnapshotUri, formatTime } from "../snapshot/location.ts";
import { limits } from "../time-limits.ts";
import { finishSnapshot, openSnapshot, type OpenedSnapshot } from "./capture.ts";
import { Hold } from "./hold.ts";
import { renderPlan } from "./plan.ts";
import { preflight, type BackupPlan } from "./preflight.ts";
import { proveStored } from "./proof.ts";
import { writeRecord } from "./record.ts";
import { signSnapshotUrl } from "./signed-url.ts";
import { bindSignal, transferSnapshot } from "./transfer.ts";
import type { BackupReport, BackupRequest, BackupWorld } from "./world.ts";
import { assertStopped, confirmRelease, countReady, stopWriters } from "./writers.ts";

/**
 * Backs up the etcd of one hosted cluster. What becomes true is noted in `report` as it does, so that a run that fails
 * still tells it. Whatever happens after the cluster was touched, it is put back before this throws.
 */
export async function backUp(request: BackupRequest, world: BackupWorld, report: BackupReport): Promise<void> {
  const { log } = world;
  if (!request.dryRun) await recoverDeadRuns(request, world, report);
  const plan = await log.group("Preflight: look at the cluster and the store, change nothing", () =>
    preflight(request, world),
  );
  report.etcdVersion = plan.member.version;
  if (plan.encryption.secretName !== undefined) report.encryptionKeySecretName = plan.encryption.secretName;
  if (request.dryRun) {
    report.plan = renderPlan(request, plan, world);
    for (const [step, detail] of report.plan) log.info(`${step}: ${detail}`);
    return;
  }
  let written: Journal | undefined;
  const noted: BackupWorld = {
    ...world,
    saveJournal: (next) => {
      written = next;
      world.saveJournal(next);
    },
  };
  try {
    await (request.quiesce ? backUpQuiesced(request, plan, noted, report) : backUpOnline(request, plan, noted, report));
  } catch (error) {
    const failure = describeError(error);
    const touched = written;
    if (touched === undefined) throw failure;
    log.info(`failed with ${failure.code}: ${failure.message}`);
    await log.group("Undo: put everything back", () => undo(request, plan, touched, world, report));
    throw failure;
  }
}

async function backUpQuiesced(
  request: BackupRequest,
  plan: BackupPlan,
  world: BackupWorld,
  report: BackupReport,
): Promise<void> {
  const { log, clock } = world;
  const hold = await log.group("Hold: pause HyperShift's reconciliation", async () => {
    const taken = await Hold.acquire(plan, world, { maxPauseMs: request.maxPauseMs });
    await taken.confirmPause();
    report.pausedAt = formatTime(taken.now());
    log.info(`paused until ${taken.journal.deadline} at the latest`);
    return taken;
  });
  report.apiServers = "down";
  report.downWriters = plan.writers.map(({ name }) => name);
  const stoppedAtMs = clock.nowMs();
  const stopped = await log.group("Hold: stop the API servers that write to etcd", async () => {
    const generations = await stopWriters(plan, hold, world);
    log.info(`stopped after ${seconds(clock.nowMs() - stoppedAtMs)}`);
    return generations;
  });
  const opened = await log.group("Capture: open a snapshot, then let the API servers start", async () => {
    await hold.enter("capture", limits.captureReserveMs);
    const snapshot = await openSnapshot(plan, hold, world);
    await Promise.all([hold.assertHeld(), assertStopped(plan, stopped, world)]);
    log.info(`opened at revision ${String(snapshot.revisionBefore)} on ${plan.member.pod}`);
    await hold.release();
    report.resumedAt = formatTime(hold.now());
    log.info(
      `API servers started and reconciliation resumed ${seconds(clock.nowMs() - stoppedAtMs)} after they were stopped`,
    );
    return snapshot;
  });
  // The snapshot travels while the API servers start; only the end of the run waits for them.
  const ended = new AbortController();
  const waiting = bindSignal(world, AbortSignal.any([world.signal, ended.signal]));
  const back = confirmRelease(plan, hold, waiting, report, stoppedAtMs).then(
    () => undefined,
    (error: unknown) => describeError(error),
  );
  try {
    await keepSnapshot(request, plan, opened, { hold, back }, world, report);
  } finally {
    ended.abort();
    await back;
  }
}

async function backUpOnline(
  request: BackupRequest,
  plan: BackupPlan,
  world: BackupWorld,
  report: BackupReport,
): Promise<void> {
  const { log } = world;
  const hold = await log.group("Hold: take the lock, pause nothing", () =>
    Hold.acquire(plan, world, { maxPauseMs: undefined }),
  );
  report.apiDowntimeSeconds = 0;
  const opened = await log.group("Capture: open a snapshot beside running API servers", () =>
    openSnapshot(plan, hold, world),
  );
  await keepSnapshot(request, plan, opened, { hold, back: Promise.resolve(undefined) }, world, report);
}

/** Everything that happens while nothing is stopped: transfer, proof, record, URL, and the end of the lock. */
async function keepSnapshot(
  request: BackupRequest,
  plan: BackupPlan,
  opened: OpenedSnapshot,
  held: { readonly hold: Hold; readonly back: Promise<ActionError | undefined> },
  world: BackupWorld,
  report: BackupReport,
): Promise<void> {
  const { log, clock } = world;
  const saved = await log.group("Capture: wait until the snapshot is saved", async () => {
    const snapshot = await finishSnapshot(plan, opened, held.hold, world);
    log.info(`saved ${renderBytes(snapshot.sizeBytes)}, revision ${String(snapshot.revision)}, hash ${snapshot.hash}`);
    return snapshot;
  });
  const transferred = await log.group("Transfer: from the pod to the store", async () => {
    const startedMs = clock.nowMs();
    const done = await transferSnapshot(plan, { file: opened.file, saved }, held.hold, world);
    log.info(
      `sent ${renderBytes(done.digests.sizeBytes)} in ${seconds(clock.nowMs() - startedMs)}, SHA-256 ${done.digests.sha256}`,
    );
    return done;
  });
  await log.group("Proof: read every stored byte back", async () => {
    const startedMs = clock.nowMs();
    await proveStored(plan, transferred, held.hold, world);
    log.info(
      `read ${renderBytes(transferred.digests.sizeBytes)} back in ${seconds(clock.nowMs() - startedMs)}; length and both hashes are right`,
    );
  });
  const failure = await log.group("Record: wait for the API servers, then say that the snapshot exists", async () => {
    const unconfirmed = await waitForRelease(held.back, world);
    await writeRecord(plan, { saved, transferred }, held.hold, report, world);
    noteSnapshot(plan, saved, transferred.digests.sha256, world, report);
    log.info(`${report.snapshotUri ?? ""} is a backup now`);
    return unconfirmed === "waiting" ? await held.back : unconfirmed;
  });
  await Promise.all([
    removeSnapshotFiles(world, plan.controlPlaneNamespace, [plan.member.pod], plan.nonce),
    tryAbortUploads(world, plan.key),
  ]);
  if (failure !== undefined) throw failure;
  world.signal.throwIfAborted();
  if (request.presign) await signSnapshotUrl(request, plan, transferred, world, report);
  // The record stays: the snapshot is whole, whoever took the hosted cluster over since its last look.
  await held.hold.assertHeld();
  await dropJournal(world, plan.hostedCluster, plan.nonce);
}

/** The record names the downtime where it is known soon; a cancelled run does not wait for it. */
async function waitForRelease(
  back: Promise<ActionError | undefined>,
  world: BackupWorld,
): Promise<ActionError | "waiting" | undefined> {
  const patience = world.clock.sleep(limits.recordPatienceMs, world.signal).then(
    () => "waiting" as const,
    () => "waiting" as const,
  );
  return Promise.race([back, patience]);
}

function noteSnapshot(
  plan: BackupPlan,
  saved: SavedSnapshot,
  sha256: string,
  world: BackupWorld,
  report: BackupReport,
): void {
  report.snapshotUri = formatSnapshotUri({ bucket: world.store.bucket, key: plan.key });
  report.sha256 = sha256;
  report.sizeBytes = saved.sizeBytes;
  report.revision = saved.revision;
}

/** A run that died left its journal; HyperShift may have put the writers back since, its files are still there. */
async function recoverDeadRuns(request: BackupRequest, world: BackupWorld, report: BackupReport): Promise<void> {
  const recovery = createRecoverReport();
  try {
    await recoverFirst(request, world, recovery);
  } finally {
    report.recovered = recovery.recovered;
    if (recovery.apiServers === "down") report.apiServers = "down";
  }
}

/**
 * Puts the cluster back and removes what the run left, bound by a time of its own and not by the signal that may have
 * caused it. A cancelled run does not wait until the API servers are ready; its post step looks again. Throws
 * `release-failed`; that something else stays is a warning, since what made the run fail is more to be told.
 */
async function undo(
  request: BackupRequest,
  plan: BackupPlan,
  journal: Journal,
  world: BackupWorld,
  report: BackupReport,
): Promise<void> {
  const { log, clock } = world;
  const { hostedCluster: ref, prefix } = request;
  const cancelled = world.signal.aborted;
  const inTime = bindSignal(world, clock.timeout(cancelled ? limits.undoOnSignalMs : limits.undoMs));
  await putBack(inTime, ref, journal);
  noteReleased(journal, world);
  // Only a runner that cancelled waits for what comes now.
  const afterwards = cancelled ? inTime : bindSignal(world, new AbortController().signal);
  const cleared = clearRun(afterwards, ref, journal, prefix).catch((error: unknown) => {
    const { code, message } = describeError(error);
    log.warning(`the journal could not be taken away (${code}: ${message}); the post step tries again, and recover`);
  });
  if (report.apiServers === "down") {
    const looking = cancelled ? AbortSignal.abort() : clock.timeout(limits.undoMs);
    report.downWriters = await waitForWriters(afterwards, ref, countReady(plan), looking).catch((error: unknown) => {
      const { code, message } = describeError(error);
      log.warning(`whether the API servers are back could not be seen (${code}: ${message})`);
      return report.downWriters;
    });
    report.apiServers = report.downWriters.length === 0 ? "back" : "starting";
    log.info(`the API servers are ${report.apiServers}`);
  }
  await cleared;
}

/** For the post step: whoever stops the API servers from now on means it. It looks at the cluster's journal all the same. */
function noteReleased(journal: Journal, world: BackupWorld): void {
  try {
    world.saveJournal({ ...journal, phase: "transfer" });
  } catch (error) {
    if (!hasCode(error, "runner-unwritable")) throw error;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
