import { lstat, unlink } from "node:fs/promises";
import path from "node:path";
import { resolveAllowedPath, type Environment } from "../allowed-path.ts";
import { ActionError } from "../errors.ts";
import { errnoOf } from "../file-error.ts";
import type { Log } from "../ports.ts";
import { quote } from "../shown-text.ts";
import { inodeOf, type OwnFile } from "./output-file.ts";

/** Names that the action draws by chance: of drafts, and of outputs that were not named. */
const drawnName = /^(?:\.hosted-cluster-restore-[0-9a-f]{16}\.part|hosted-cluster-restore-[0-9a-f]{16}\.yaml)$/;

/**
 * Removes what a rendering that was killed left: files with the key, by their exact paths, inside of the workspace and
 * RUNNER_TEMP. A file of a name that somebody gave goes only where it is the very one that was made. Throws
 * `leftovers-remain` with those that stayed.
 */
export async function removeWritten(
  files: readonly OwnFile[],
  { environment, log }: { readonly environment: Environment; readonly log: Log },
): Promise<void> {
  const stayed: string[] = [];
  for (const file of files) {
    try {
      if (await removeOne(file, environment)) log.info(`removed ${file.path}, which may hold the encryption key`);
    } catch (error) {
      stayed.push(error instanceof ActionError ? error.message : `${quote(file.path)}: ${errnoOf(error)}`);
    }
  }
  if (stayed.length > 0)
    throw new ActionError(
      "leftovers-remain",
      `files that may hold the encryption key could not be removed:\n${stayed.map((line) => `- ${line}`).join("\n")}`,
      { hint: "remove them by hand: the run that wrote them did not end, so nothing uses them" },
    );
}

/** False where there is nothing of this run. */
async function removeOne({ path: given, inode }: OwnFile, environment: Environment): Promise<boolean> {
  const found = await lstat(given, { bigint: true }).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error))) return undefined;
    throw error;
  });
  if (found?.isFile() !== true) return false;
  if (inodeOf(found) !== inode && !drawnName.test(path.basename(given))) return false;
  await unlink(await resolveAllowedPath(given, environment, { refuse: refuseFile }));
  return true;
}

function refuseFile(given: string, problem: string): ActionError {
  return new ActionError("leftovers-remain", `${quote(given)} ${problem}`);
}
