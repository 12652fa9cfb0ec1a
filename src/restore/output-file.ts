import { randomBytes } from "node:crypto";
import { link, lstat, open, unlink, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { ActionError } from "../errors.ts";
import type { Log } from "../ports.ts";
import { resolveAllowedPath, type Environment } from "../allowed-path.ts";
import { errnoOf } from "../file-error.ts";
import { escapeHidden, quote } from "../shown-text.ts";

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
  const target = await resolveAllowedPath(wanted, environment, { refuse: refuseOutput });
  if (target === manifestPath) throw refuseOutput(wanted, "is the manifest itself", "set output to a new file");
  if (await exists(target))
    throw refuseOutput(wanted, "exists already", "remove it first, or set output to a new file");
  return target;
}

/** A file that this run made, by its path and by what the file system numbers it. */
export interface OwnFile {
  readonly path: string;
  readonly inode: string;
}

/** Called with every file that is about to get the key, before a byte of it is in one of them. */
type Remember = (files: readonly OwnFile[]) => void;

/** The number of a file, which no other path of another file has. */
export function inodeOf({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string {
  return `${String(dev)}:${String(ino)}`;
}

/**
 * Writes `text` to a file that does not exist yet, readable for its owner alone. It appears whole or not at all: written
 * beside its place and linked there, which never replaces anything. A file system without hard links gets the file in its
 * place from the start, and removed where the writing fails. Throws `output-refused`, also where the file system shows the
 * draft to others, and where the draft, which holds the key, stays behind. `remember` gets what a process that is killed would leave.
 */
export async function writeOutput(
  target: string,
  text: string,
  { log, remember }: { readonly log: Pick<Log, "warning">; readonly remember: Remember },
): Promise<void> {
  const draft = path.join(path.dirname(target), `.hosted-cluster-restore-${randomBytes(8).toString("hex")}.part`);
  let handle: FileHandle | undefined;
  let failure: ActionError | undefined;
  const own: OwnFile[] = [];
  try {
    handle = await open(draft, "wx", 0o600);
    await restrict(handle, target);
    own.push({ path: draft, inode: inodeOf(await handle.stat({ bigint: true })) });
    // The link will be the same file.
    remember(own.flatMap((file) => [file, { ...file, path: target }]));
    await handle.writeFile(text);
    await handle.sync();
    await link(draft, target);
  } catch (error) {
    failure = error instanceof ActionError ? error : describeWriteError(target, error);
    if (handle !== undefined && noLinks.includes(errnoOf(error))) {
      log.warning(`the file system of ${quote(target)} has no hard links: the output is written in its place`);
      failure = await writeInPlace(target, text, (file) => {
        remember([...own, file]);
      });
    }
  }
  const unremoved = handle === undefined ? undefined : await discardDraft(draft, handle);
  if (unremoved !== undefined) throw describeLeftDraft(target, draft, { failure, unremoved });
  if (failure !== undefined) throw failure;
}

/** Answers of file systems that know no hard links: Azure Files, some of FUSE, network volumes. */
const noLinks = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EACCES", "EMLINK", "EXDEV"];

/** The failure, after which nothing is left; undefined when the file is there. */
async function writeInPlace(
  target: string,
  text: string,
  remember: (file: OwnFile) => void,
): Promise<ActionError | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(target, "wx", 0o600);
    await restrict(handle, target);
    remember({ path: target, inode: inodeOf(await handle.stat({ bigint: true })) });
    await handle.writeFile(text);
    await handle.sync();
    await handle.close();
    return undefined;
  } catch (error) {
    const failure = error instanceof ActionError ? error : describeWriteError(target, error);
    const unremoved = handle === undefined ? undefined : await discardDraft(target, handle);
    return unremoved === undefined ? failure : describeLeftDraft(target, target, { failure, unremoved });
  }
}

/** Mode 0600. Where the file system refuses a chmod, the mode that it gave is looked at: nobody else may read the file. */
async function restrict(handle: FileHandle, target: string): Promise<void> {
  try {
    // Where the umask takes away more, the owner could not read it.
    await handle.chmod(0o600);
  } catch (error) {
    const { mode } = await handle.stat();
    if ((mode & 0o077) === 0) return;
    throw refuseOutput(
      target,
      `would be readable for others: its file system refuses chmod (${errnoOf(error)}), and gives mode ${(mode & 0o777).toString(8)}`,
      "set output to a file of another file system, inside of the workspace",
      error,
    );
  }
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
    : refuseOutput(
        target,
        `cannot be written (${errno})`,
        "set output to a new file of a file system that may be written",
        error,
      );
}

function describeLeftDraft(
  target: string,
  draft: string,
  { failure, unremoved }: { readonly failure: ActionError | undefined; readonly unremoved: string },
): ActionError {
  const problem = failure?.message ?? `the output ${quote(target)} was written`;
  const left = `its draft ${escapeHidden(JSON.stringify(draft))}, which holds the key, cannot be removed (${unremoved})`;
  return new ActionError("output-refused", `${problem}; ${left}`, {
    hint: "remove the draft by hand; then render again",
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
