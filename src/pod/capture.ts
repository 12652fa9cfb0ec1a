import { renderBytes } from "../bytes.ts";
import { ActionError, hasCode } from "../errors.ts";
import { createProgress } from "../progress.ts";
import { limits } from "../time-limits.ts";
import { etcdContainer, type Member } from "./member.ts";
import type { ExecWorld } from "./exec-again.ts";
import {
  parseSaveResult,
  parseSaveState,
  resultCommand,
  saveCommand,
  snapshotFile,
  type SavedSnapshot,
  type SaveState,
} from "./save.ts";
import { neededBytes, reservedBytes, spaceMissing } from "./space.ts";

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
 * nothing: the save is looked for, and started under another name only where it never began. A save that does not begin
 * is left to the caller, which removes its file. `assertHeld` is awaited where no API server answered.
 */
export async function openSnapshot(
  world: ExecWorld,
  { member, nonce }: { readonly member: Member; readonly nonce: string },
  assertHeld: () => Promise<unknown>,
): Promise<OpenedSnapshot> {
  const { clock, log, signal } = world;
  let giveUpMs = clock.nowMs() + limits.snapshotOpenedMs;
  for (let attempt = 1; attempt <= starts; attempt += 1) {
    const file = snapshotFile(nonce, attempt);
    let state = await runSave(world, { member, file }, "start");
    while (isUndecided(state)) {
      await clock.sleep(limits.pollMs, signal);
      if (state instanceof ActionError) {
        // Waits for an API server that is away: the pod can do nothing about that time.
        const awaySinceMs = clock.nowMs();
        await assertHeld();
        giveUpMs += clock.nowMs() - awaySinceMs;
      }
      state = await runSave(world, { member, file }, "watch");
      if (isUndecided(state) && clock.nowMs() >= giveUpMs)
        throw state instanceof ActionError ? state : notOpened(member);
    }
    switch (state.state) {
      case "opened":
        log.info(`opened at revision ${String(state.revisionBefore)} on ${member.pod}`);
        return { file, revisionBefore: state.revisionBefore, revisionOpened: state.revisionOpened };
      case "failed":
        throw saveFailed(member, state);
      case "full":
        throw spaceMissing(member, state.freeBytes);
      case "absent":
        break;
    }
  }
  throw saveFailed(member, { exitCode: 1, reason: `it was started ${String(starts)} times and never ran` });
}

/**
 * Waits for the end of the save and returns what the tools in the pod say of the file. Its revision must lie between
 * the one before the save and the one at its opening. Throws `snapshot-failed` or `snapshot-invalid`.
 */
export async function finishSnapshot(
  world: ExecWorld,
  { member, opened }: { readonly member: Member; readonly opened: OpenedSnapshot },
): Promise<SavedSnapshot> {
  const { clock, log, signal } = world;
  const limitMs = saveLimitMs(member);
  const giveUpMs = clock.nowMs() + limitMs;
  // etcd stops at a full volume; half of what it was to keep is left for it, whatever takes the space.
  const leastFreeBytes = reservedBytes(member) / 2;
  const progress = createProgress(world, `saved in ${member.pod}`, member.dbSizeBytes);
  const argv = resultCommand(opened.file, member.tools, { waitMs: limits.saveLookMs, leastFreeBytes });
  for (;;) {
    // It reads the whole file.
    const output = await ask(world, member, { argv, timeoutMs: limits.saveLookMs + limitMs });
    const result = output instanceof ActionError ? output : parseSaveResult(output);
    if (result instanceof ActionError) {
      // The save goes on in the pod; ask again.
    } else if (result?.state === "saved") {
      const { snapshot } = result;
      checkRevision(snapshot, opened, member);
      log.info(
        `saved ${renderBytes(snapshot.sizeBytes)} in ${member.pod}, revision ${String(snapshot.revision)}, hash ${snapshot.hash}`,
      );
      return snapshot;
    } else if (result?.state === "failed") {
      throw saveFailed(member, result);
    } else if (result?.state === "running") {
      if (result.freeBytes < leastFreeBytes) throw spaceMissing(member, result.freeBytes);
      progress(result.savedBytes);
    } else {
      throw new ActionError(
        "snapshot-invalid",
        `${member.tools.statusTool} in pod ${member.pod} does not recognise the snapshot that etcd saved`,
        {
          hint: "look at the member's log and disk, then run again",
        },
      );
    }
    if (clock.nowMs() >= giveUpMs) throw result instanceof ActionError ? result : notSaved(member);
    await clock.sleep(limits.pollMs, signal);
  }
}

/** The state of the save, as the pod tells it; an error where its connection was lost. */
async function runSave(
  world: ExecWorld,
  { member, file }: { readonly member: Member; readonly file: string },
  action: "start" | "watch",
): Promise<SaveState | ActionError> {
  const argv = saveCommand(action, file, member.tools, {
    limitSeconds: Math.ceil(saveLimitMs(member) / 1000),
    waitMs: watchMs,
    neededBytes: neededBytes(member),
  });
  const output = await ask(world, member, { argv, timeoutMs: watchMs + limits.execTimeoutMs });
  if (!(output instanceof ActionError)) return parseSaveState(output) ?? { state: "waiting" };
  const message = `the connection to pod ${member.pod} was lost (${output.message}); looking for the save there`;
  if (action === "start") world.log.info(message);
  else world.log.debug(message);
  return output;
}

function isUndecided(state: SaveState | ActionError): state is Extract<SaveState, { state: "waiting" }> | ActionError {
  return state instanceof ActionError || state.state === "waiting";
}

/** The output of a command in the pod; an error where its connection was lost. */
async function ask(
  world: ExecWorld,
  { namespace, pod }: Member,
  { argv, timeoutMs }: { readonly argv: readonly string[]; readonly timeoutMs: number },
): Promise<string | ActionError> {
  try {
    const result = await world.cluster.exec(etcdContainer({ namespace, name: pod }), argv, { timeoutMs });
    return result.stdout.toString();
  } catch (error) {
    if (hasCode(error, "exec-interrupted", "cluster-unreachable")) return error;
    throw error;
  }
}

function checkRevision(saved: SavedSnapshot, opened: OpenedSnapshot, member: Member): void {
  if (saved.revision >= opened.revisionBefore && saved.revision <= opened.revisionOpened) return;
  throw new ActionError(
    "snapshot-invalid",
    `the snapshot of pod ${member.pod} has revision ${String(saved.revision)}; expected ${String(opened.revisionBefore)} to ${String(opened.revisionOpened)}`,
    { hint: "the member may be behind the others; look at its health, then run again" },
  );
}

function saveLimitMs(member: Member): number {
  return limits.snapshotBaseMs + Math.ceil((member.dbSizeBytes / limits.snapshotBytesPerSecond) * 1000);
}

function notOpened(member: Member): ActionError {
  return new ActionError(
    "snapshot-not-opened",
    `etcd in pod ${member.pod} did not begin its snapshot within ${String(limits.snapshotOpenedMs / 1000)} s`,
    { hint: "look at the member's disk latency and log; it may be overloaded" },
  );
}

function notSaved(member: Member): ActionError {
  return new ActionError(
    "snapshot-failed",
    `the snapshot in pod ${member.pod} was not saved within ${String(saveLimitMs(member) / 1000)} s`,
    { hint: "look at the member's disk; the API servers are not waiting for it" },
  );
}

function saveFailed(member: Member, result: { readonly exitCode: number; readonly reason: string }): ActionError {
  const full = result.reason.includes("no space left");
  return new ActionError(
    "snapshot-failed",
    `etcdctl in pod ${member.pod} ended with ${String(result.exitCode)}: ${result.reason || "it gave no reason"}`,
    {
      hint: full
        ? "make room on the volume of the etcd pod: defragment, or enlarge it"
        : "look at the log of the etcd pod, then run again",
    },
  );
}
