import { ActionError } from "../errors.ts";

/** Lets the client of Actions write to one of the runner's files. Throws `runner-unwritable` where it cannot. */
export function writeRunnerFile(file: "GITHUB_STATE" | "GITHUB_OUTPUT", write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new ActionError("runner-unwritable", `could not write to ${file} of the runner`, {
      hint: "look at the disk of the runner: it may be full, or read-only",
      cause,
    });
  }
}
