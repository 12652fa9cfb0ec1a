import { describeError, hasCode } from "../errors.ts";
import type { HeldCluster, Journal } from "../hold/journal.ts";
import type { HoldWorld } from "../hold/lock.ts";
import { clearRun } from "../hold/own-run.ts";
import { putBack } from "../hold/put-back.ts";
import { waitForWriters } from "../hold/writers-return.ts";
import type { ObjectRef, SnapshotStore } from "../ports.ts";
import { limits } from "../time-limits.ts";
import { bindSignal, type BackupReport, type Note } from "./world.ts";

type UndoWorld = HoldWorld & { readonly store: SnapshotStore };

/** The journal that was written down last, and the hosted cluster that it is of. */
interface Written {
  readonly journal: Journal;
  readonly of: HeldCluster;
}

/** The facts that the undo must know of a run besides its journal. */
interface UndoTerms {
  readonly ref: ObjectRef;
  readonly prefix: string;
  readonly report: Readonly<BackupReport>;
  readonly note: Note;
}

/**
 * Does `work` in a world that remembers the journal. Where it fails after the first journal was written down,
 * everything is put back before this throws.
 */
export async function orUndo<World extends UndoWorld>(
  world: World,
  terms: UndoTerms,
  work: (remembering: World) => Promise<void>,
): Promise<void> {
  let written: Written | undefined;
  const saveJournal = (journal: Journal, of: HeldCluster): void => {
    written = { journal, of };
    world.saveJournal(journal, of);
  };
  try {
    await work({ ...world, saveJournal });
  } catch (error) {
    const failure = describeError(error);
    const held = written;
    if (held === undefined) throw failure;
    world.log.info(`failed with ${failure.code}: ${failure.message}`);
    await world.log.group("Undo: put everything back", () => undo(world, held, terms));
    throw failure;
  }
}

/**
 * Puts the cluster back and removes what the run left, bound by a time of its own and not by the signal that may have
 * caused it. A cancelled run does not wait until the API servers are ready; its post step looks again. Throws
 * `release-failed`; that something else stays is a warning, since what made the run fail is more to be told.
 */
async function undo(world: UndoWorld, held: Written, terms: UndoTerms): Promise<void> {
  const { log, clock } = world;
  const { journal } = held;
  const { ref, prefix, report, note } = terms;
  const { readyBefore: before = journal.original.replicas } = report;
  const cancelled = world.signal.aborted;
  const wereDown = report.apiServers === "down";
  const inTime = bindSignal(world, clock.timeout(cancelled ? limits.undoOnSignalMs : limits.undoMs));
  // Only a runner that cancelled waits for what comes after the release.
  const afterwards = cancelled ? inTime : bindSignal(world, new AbortController().signal);
  const tellWriters = async (): Promise<void> => {
    const until = cancelled ? AbortSignal.abort() : clock.timeout(limits.undoMs);
    const { down } = await waitForWriters(afterwards, ref, { before, until }).catch((error: unknown) => {
      const { code, message } = describeError(error);
      log.warning(`whether the API servers are back could not be seen (${code}: ${message})`);
      return { down: report.downWriters };
    });
    const apiServers = down.length === 0 ? "back" : "starting";
    note({ downWriters: down, apiServers });
    log.info(`the API servers are ${apiServers}`);
  };
  let isRaised = false;
  await putBack(inTime, ref, journal, () => (isRaised = true)).catch(async (error: unknown) => {
    if (isRaised && wereDown) await tellWriters();
    throw error;
  });
  noteReleased(held, world);
  const clear = async (): Promise<void> => {
    note({
      leftInStore: await clearRun(afterwards, {
        ref,
        held: journal,
        prefix,
        isRecorded: report.recordUri !== undefined,
      }),
    });
  };
  const cleared = clear().catch((error: unknown) => {
    const { code, message } = describeError(error);
    log.warning(`the journal could not be taken away (${code}: ${message}); the post step tries again, and recover`);
  });
  if (wereDown) await tellWriters();
  await cleared;
}

/** For the post step: somebody who stops the API servers from now on means it. It looks at the cluster's journal, too. */
function noteReleased({ journal, of }: Written, world: HoldWorld): void {
  try {
    world.saveJournal({ ...journal, phase: "transfer" }, of);
  } catch (error) {
    if (!hasCode(error, "runner-unwritable")) throw error;
  }
}
