import { constants } from "node:fs";
import { open, realpath, type FileHandle } from "node:fs/promises";
import path from "node:path";
import type { ActionError } from "./errors.ts";
import { describeFileError } from "./file-error.ts";

/** Variables of the runner: GITHUB_WORKSPACE and RUNNER_TEMP. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A path that is read does not begin at `working-directory`, and without a checkout there is nothing below the workspace. */
const absentFile =
  "name a file that an earlier step wrote or checked out (actions/checkout); the path begins at the workspace";

/** Makes the failure of a path; `problem` completes "<path> …". */
type RefusePath = (given: string, problem: string, hint: string, cause?: unknown) => ActionError;

/**
 * The absolute path of `given`, which is relative to GITHUB_WORKSPACE. It lies inside of the workspace or RUNNER_TEMP, and no
 * folder on its way from there is a link; the file itself is not looked at. Throws what `refuse` makes; `absentFolder` is its hint where
 * the folder does not exist.
 */
export async function resolveAllowedPath(
  given: string,
  environment: Environment,
  { refuse, absentFolder = "make the folder first" }: { readonly refuse: RefusePath; readonly absentFolder?: string },
): Promise<string> {
  const workspace = environment["GITHUB_WORKSPACE"] ?? "";
  const asked = path.resolve(workspace, given);
  for (const root of [workspace, environment["RUNNER_TEMP"] ?? ""]) {
    const realRoot = root === "" ? undefined : await findRealPath(root);
    if (realRoot === undefined) continue;
    const below = [path.resolve(root), realRoot].map((start) => path.relative(start, asked)).find(isBelow);
    if (below === undefined) continue;
    const target = path.join(realRoot, below);
    const folder = await findRealPath(path.dirname(target));
    if (folder === undefined) throw refuse(given, "lies in a folder that does not exist", absentFolder);
    if (folder !== path.dirname(target))
      throw refuse(given, "is reached through a symbolic link", "name the folder that the link leads to");
    return target;
  }
  throw refuse(
    given,
    "lies outside of GITHUB_WORKSPACE and RUNNER_TEMP",
    "name a file inside of the workspace or of RUNNER_TEMP",
  );
}

/**
 * Opens the file at `given`, see resolveAllowedPath, for reading; the caller closes it. Throws what `refuse` makes, also for what
 * is not a regular file, a link above all.
 */
export async function openAllowedFile(
  given: string,
  environment: Environment,
  refuse: RefusePath,
): Promise<{ readonly path: string; readonly file: FileHandle }> {
  const target = await resolveAllowedPath(given, environment, { refuse, absentFolder: absentFile });
  // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(target, flags).catch((error: unknown) => {
    throw refuse(given, describeFileError(error), absentFile, error);
  });
  if ((await file.stat()).isFile()) return { path: target, file };
  await file.close();
  throw refuse(given, "is not a file", "name a regular file");
}

function isBelow(relative: string): boolean {
  return relative !== "" && relative.split(path.sep)[0] !== ".." && !path.isAbsolute(relative);
}

async function findRealPath(file: string): Promise<string | undefined> {
  try {
    return await realpath(file);
  } catch {
    return undefined;
  }
}
