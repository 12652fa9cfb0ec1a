import { ActionError, hasCode } from "../errors.ts";
import {
  parseSaveResult,
  parseSaveState,
  resultCommand,
  saveCommand,
  snapshotFile,
  type SavedSnapshot,
  type SaveState,
} from "../etcd/snapshot-save.ts";
import { limits } from "../time-limits.ts";
import type { Hold } from "./hold.ts";
import { neededBytes, reservedBytes, spaceMissing } from "./members.ts";
import type { BackupPlan } from "./preflight.ts";
import type { BackupWorld } from "./world.ts";

/** A save whose read transaction has begun: nothing written from now on is in it. */
export interface OpenedSnapshot {
  readonly file: string;
  /** Linearizable, read before the save began: with stopped writers, the last that they wrote. */
  readonly revisionBefore: number;
  readonly revisionOpened: number;
}

/** How long one exec waits in the pod for the first bytes before it answers. */
const watchMs = 5_000;
/** Starts of a save; a connection that is cut before each of them is a pod that nothing reaches. */
const starts = 3;

/**
 * Starts `etcdctl snapshot save` detached in the pod and returns as soon as its file has bytes. A cut connection loses
 * nothing: the save is looked for, and started under another name only where it never began. One that does not begin is
 * left to the undo, which brings the writers back first.
 */
export async function openSnapshot(plan: BackupPlan, hold: Hold, world: BackupWorld): Promise<OpenedSnapshot> {
  const { clock, signal } = world;
  let giveUpMs = clock.nowMs() + limits.snapshotOpenedMs;
  for (let attempt = 1; attempt <= starts; attempt += 1) {
    const file = snapshotFile(plan.nonce, attempt);
    let state = await runSave("start", file, plan, world);
    while (isUndecided(state)) {
      await clock.sleep(limits.pollMs, signal);
      if (state instanceof ActionError) {
        // Waits for an API server that is away: the pod can do nothing about that time.
        const awaySinceMs = clock.nowMs();
        await hold.assertHeld();
        giveUpMs += clock.nowMs() - awaySinceMs;
      }
      state = await runSave("watch", file, plan, world);
      if (isUndecided(state) && clock.nowMs() >= giveUpMs) throw state instanceof ActionError ? state : notOpened(plan);
    }
    switch (state.state) {
      case "opened":
        return { file, revisionBefore: state.revisionBefore, revisionOpened: state.revisionOpened };
      case "failed":
        throw saveFailed(plan, state);
      case "full":
        throw spaceMissing(plan.member, state.freeBytes);
      case "absent":
        break;
    }
  }
  throw saveFailed(plan, { exitCode: 1, reason: `it was started ${String(starts)} times and never ran` });
}

/**
 * Waits for the end of the save and returns what the tools in the pod say of the file. Its revision must lie between
 * the one before the save and the one at its opening. Throws `snapshot-failed` or `snapshot-invalid`.
 */
export async function finishSnapshot(
  plan: BackupPlan,
  opened: OpenedSnapshot,
  hold: Hold,
  world: BackupWorld,
): Promise<SavedSnapshot> {
  const { clock, signal } = world;
  const limitMs = saveLimitMs(plan);
  const giveUpMs = clock.nowMs() + limitMs;
  // It reads the whole file; the lock lasts longer.
  const statusMs = Math.min(limitMs, limits.lockMs / 2);
  for (;;) {
    const output = await ask(resultCommand(opened.file, plan.member.tools), statusMs, plan, world);
    const result = output instanceof ActionError ? output : parseSaveResult(output);
    if (result instanceof ActionError) {
      // The save goes on in the pod; ask again.
    } else if (result?.state === "saved") {
      checkRevision(result.snapshot, opened, plan);
      return result.snapshot;
    } else if (result?.state === "failed") {
      throw saveFailed(plan, result);
    } else if (result?.state === "running") {
      // etcd stops at a full volume; half of what it was to keep is left for it, whatever takes the space.
      if (result.freeBytes < reservedBytes(plan.member) / 2) throw spaceMissing(plan.member, result.freeBytes);
    } else {
      throw new ActionError(
        "snapshot-invalid",
        `${plan.member.tools.statusTool} in pod ${plan.member.pod} does not recognise the snapshot that etcd saved`,
        {
          hint: "look at the member's log and disk, then run again",
        },
      );
    }
    if (clock.nowMs() >= giveUpMs) throw result instanceof ActionError ? result : notSaved(plan);
    await hold.keep();
    await clock.sleep(limits.pollMs, signal);
  }
}

/** What the pod says of the save; an error where its connection was lost. */
async function runSave(
  action: "start" | "watch",
  file: string,
  plan: BackupPlan,
  world: BackupWorld,
): Promise<SaveState | ActionError> {
  const argv = saveCommand(action, file, plan.member.tools, {
    limitSeconds: Math.ceil(saveLimitMs(plan) / 1000),
    waitMs: watchMs,
    neededBytes: neededBytes(plan.member),
  });
  const output = await ask(argv, watchMs + limits.execTimeoutMs, plan, world);
  if (!(output instanceof ActionError)) return parseSaveState(output) ?? { state: "waiting" };
  const message = `the connection to pod ${plan.member.pod} was lost (${output.message}); looking for the save there`;
  if (action === "start") world.log.info(message);
  else world.log.debug(message);
  return output;
}

function isUndecided(state: SaveState | ActionError): state is Extract<SaveState, { state: "waiting" }> | ActionError {
  return state instanceof ActionError || state.state === "waiting";
}

/** What a command in the pod printed; an error where its connection was lost. */
async function ask(
  argv: readonly string[],
  timeoutMs: number,
  plan: BackupPlan,
  world: BackupWorld,
): Promise<string | ActionError> {
  try {
    const result = await world.cluster.exec(podOf(plan), argv, { timeoutMs });
    return result.stdout.toString();
  } catch (error) {
    if (hasCode(error, "exec-interrupted", "cluster-unreachable")) return error;
    throw error;
  }
}

function checkRevision(saved: SavedSnapshot, opened: OpenedSnapshot, plan: BackupPlan): void {
  if (saved.revision >= opened.revisionBefore && saved.revision <= opened.revisionOpened) return;
  throw new ActionError(
    "snapshot-invalid",
    `the snapshot of pod ${plan.member.pod} has revision ${String(saved.revision)}; expected ${String(opened.revisionBefore)} to ${String(opened.revisionOpened)}`,
    { hint: "the member may be behind the others; look at its health, then run again" },
  );
}

export function podOf(plan: BackupPlan): { namespace: string; name: string; container: string } {
  return { namespace: plan.controlPlaneNamespace, name: plan.member.pod, container: "etcd" };
}

function saveLimitMs(plan: BackupPlan): number {
  return limits.snapshotBaseMs + Math.ceil((plan.member.dbSizeBytes / limits.snapshotBytesPerSecond) * 1000);
}

function notOpened(plan: BackupPlan): ActionError {
  return new ActionError(
    "snapshot-not-opened",
    `etcd in pod ${plan.member.pod} did not begin its snapshot within ${String(limits.snapshotOpenedMs / 1000)} s`,
    { hint: "look at the member's disk latency and log; it may be overloaded" },
  );
}

function notSaved(plan: BackupPlan): ActionError {
  return new ActionError(
    "snapshot-failed",
    `the snapshot in pod ${plan.member.pod} was not saved within ${String(saveLimitMs(plan) / 1000)} s`,
    { hint: "look at the member's disk; the API servers are not waiting for it" },
  );
}

function saveFailed(plan: BackupPlan, result: { readonly exitCode: number; readonly reason: string }): ActionError {
  const full = result.reason.includes("no space left");
  return new ActionError(
    "snapshot-failed",
    `etcdctl in pod ${plan.member.pod} ended with ${String(result.exitCode)}: ${result.reason || "it gave no reason"}`,
    {
      hint: full
        ? "make room on the volume of the etcd pod: defragment, or enlarge it"
        : "look at the log of the etcd pod, then run again",
    },
  );
}
