import { parseJournal, renderJournal, type Journal } from "../hypershift/journal.ts";
import { writeRunnerFile } from "./runner-file.ts";

type SaveState = (name: string, value: string) => void;
type GetState = (name: string) => string;

/** Marks this run's state, so that the same bundle knows its second start; main calls it first. */
export function markMain(saveState: SaveState): void {
  save(saveState, "isPost", "true");
}

/** True in the post step. */
export function isPost(getState: GetState): boolean {
  return getState("isPost") === "true";
}

/** Says that nothing is left for the post step to put back; the last thing main does. */
export function markSettled(saveState: SaveState): void {
  save(saveState, "isSettled", "true");
}

export function isSettled(getState: GetState): boolean {
  return getState("isSettled") === "true";
}

/**
 * Saves the journal for the post step, which needs it where somebody took it away from the cluster. One append of one
 * line: a half-written entry makes the runner drop the whole file. A later one replaces it.
 */
export function saveHold(saveState: SaveState, journal: Journal): void {
  save(saveState, "hold", renderJournal(journal));
}

/**
 * The journal that main saved last; undefined when there is none, or when anything about it is odd. Its times are the API
 * server's, which the clock of this machine says nothing about.
 */
export function findHold(getState: GetState): Journal | undefined {
  try {
    return parseJournal(getState("hold"), undefined);
  } catch {
    return undefined;
  }
}

/** Throws `runner-unwritable`. */
function save(saveState: SaveState, name: string, value: string): void {
  writeRunnerFile("GITHUB_STATE", () => {
    saveState(name, value);
  });
}
