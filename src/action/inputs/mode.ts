import type { Log } from "../../ports.ts";
import { sortUnknown } from "./mistyped.ts";
import type { Given } from "./names.ts";
import { noteReads } from "./unread.ts";
import { findChoice, missingInput, readFields, throwWrong } from "./value.ts";

export const modeNames = ["backup", "restore-render", "recover", "verify", "verify-restore", "drill"] as const;
export type ModeName = (typeof modeNames)[number];

export function findModeName({ read }: Pick<Given, "read">): ModeName | undefined {
  return modeNames.find((name) => name === read("mode").trim());
}

/** Throws `input-missing`, `input-invalid`. */
export function readModeName({ read }: Pick<Given, "read">): ModeName {
  const mode = findChoice(read, "mode", modeNames);
  if (mode === undefined) throw missingInput("mode", `one of ${modeNames.join(", ")}`);
  return mode;
}

type ReadMode<T> = (given: Given) => T;

/**
 * The result of `readMode`, where no input is mistyped: the error tells both. An input that is near to none is a
 * warning, since jobs and actions around this one set INPUT_* of their own. So is one that was given and not read.
 */
export function readStrictly<T>(given: Given, readMode: ReadMode<T>, log: Log): T {
  const { mistyped, foreign } = sortUnknown(given.unknown);
  if (foreign.length > 0) log.warning(`there is no input ${foreign.join(", ")}; nothing of that has an effect`);
  const { noted, listUnread } = noteReads(given);
  const { inputs } = readFields({
    unknown: () => {
      throwWrong(mistyped);
    },
    inputs: () => [readMode(noted)] as const,
  });
  const unread = listUnread();
  if (unread.length > 0)
    log.warning(
      `mode ${given.read("mode").trim()} makes no use of ${unread.join(", ")} here: leave that out, or look in docs/inputs.md which mode takes it`,
    );
  return inputs[0];
}

/** Reads like readStrictly, for a mode that puts back first: whatever else is mistyped keeps it from nothing. */
export function readLeniently<T>(given: Given, readMode: ReadMode<T>, log: Log): T {
  const { mistyped, foreign } = sortUnknown(given.unknown);
  for (const { message } of mistyped) log.warning(message);
  return readStrictly({ ...given, unknown: foreign }, readMode, log);
}
