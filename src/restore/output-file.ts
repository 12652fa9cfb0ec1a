import { randomBytes } from "node:crypto";
import { link, lstat, open, unlink, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { ActionError } from "../errors.ts";
import { resolveAllowedPath } from "./allowed-path.ts";
import { errnoOf } from "./file-error.ts";
import type { Environment } from "./world.ts";

/**
 * The absolute path of the file to write; without `given` a new one under RUNNER_TEMP.
 * Throws `output-refused` for a path outside of the workspace and RUNNER_TEMP, through a link, or of something that exists.
 */
export async function findOutputPath(
  given: string | undefined,
  manifestPath: string,
  environment: Environment,
): Promise<string> {
  const temp = environment["RUNNER_TEMP"] ?? "";
  if (given === undefined && temp === "")
    throw new ActionError("output-refused", "there is no RUNNER_TEMP for the rendered manifest", {
      hint: "set output to a new file inside of the workspace",
    });
  const wanted = given ?? path.join(temp, `hosted-cluster-restore-${randomBytes(8).toString("hex")}.yaml`);
  const target = await resolveAllowedPath(wanted, environment, refuseOutput);
  if (target === manifestPath) throw refuseOutput(wanted, "is the manifest itself", "set output to a new file");
  if (await exists(target))
    throw refuseOutput(wanted, "exists already", "remove it first, or set output to a new file");
  return target;
}

/**
 * Writes `text` to a file that does not exist yet, readable for its owner alone. It appears whole or not at all: written
 * beside its place and linked there, which never replaces anything. Throws `output-refused`, also where the draft, which
 * holds the key, stays behind.
 */
export async function writeOutput(target: string, text: string): Promise<void> {
  const draft = path.join(path.dirname(target), `.hosted-cluster-restore-${randomBytes(8).toString("hex")}.part`);
  let handle: FileHandle | undefined;
  let failure: ActionError | undefined;
  try {
    handle = await open(draft, "wx", 0o600);
    // Where the umask takes away more, the owner could not read it.
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
    await link(draft, target);
  } catch (error) {
    failure = describeWriteError(target, error);
  }
  const unremoved = handle === undefined ? undefined : await discardDraft(draft, handle);
  if (unremoved !== undefined) throw describeLeftDraft(target, draft, { failure, unremoved });
  if (failure !== undefined) throw failure;
}

/** The code of the system call that could not remove the draft; undefined when it is gone. */
async function discardDraft(draft: string, handle: FileHandle): Promise<string | undefined> {
  // All bytes were synced, or the write has failed: nothing is left that a close could tell.
  await handle.close().catch(() => undefined);
  try {
    await unlink(draft);
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    return errno === "ENOENT" ? undefined : errno;
  }
}

function describeWriteError(target: string, error: unknown): ActionError {
  const errno = errnoOf(error);
  return errno === "EEXIST"
    ? refuseOutput(target, "exists already", "set output to a file that nobody else writes", error)
    : refuseOutput(target, `cannot be written (${errno})`, "set output to a new file under RUNNER_TEMP", error);
}

function describeLeftDraft(
  target: string,
  draft: string,
  { failure, unremoved }: { readonly failure: ActionError | undefined; readonly unremoved: string },
): ActionError {
  const problem = failure?.message ?? `the output ${quote(target)} was written`;
  const left = `its draft ${JSON.stringify(draft)}, which holds the key, cannot be removed (${unremoved})`;
  return new ActionError("output-refused", `${problem}; ${left}`, {
    hint: "remove the draft by hand; then set output to a new file under RUNNER_TEMP",
    cause: failure,
  });
}

async function exists(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw refuseOutput(file, `cannot be looked at (${errnoOf(error)})`, "set output to a new file", error);
  }
}

function refuseOutput(given: string, problem: string, hint: string, cause?: unknown): ActionError {
  return new ActionError("output-refused", `the output ${quote(given)} ${problem}`, {
    hint,
    cause,
  });
}

function quote(file: string): string {
  return JSON.stringify(file.slice(0, 200));
}
