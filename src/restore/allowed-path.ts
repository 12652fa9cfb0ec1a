import { realpath } from "node:fs/promises";
import path from "node:path";
import type { ActionError } from "../errors.ts";
import type { Environment } from "./world.ts";

/** Makes the failure of a path; `problem` completes "<path> …". */
type RefusePath = (given: string, problem: string, hint: string, cause?: unknown) => ActionError;

/**
 * The absolute path of `given`, which is relative to GITHUB_WORKSPACE. It lies inside of the workspace or RUNNER_TEMP, and no
 * folder on its way from there is a link; the file itself is not looked at. Throws what `refuse` makes.
 */
export async function resolveAllowedPath(given: string, environment: Environment, refuse: RefusePath): Promise<string> {
  const workspace = environment["GITHUB_WORKSPACE"] ?? "";
  const asked = path.resolve(workspace, given);
  for (const root of [workspace, environment["RUNNER_TEMP"] ?? ""]) {
    const realRoot = root === "" ? undefined : await findRealPath(root);
    if (realRoot === undefined) continue;
    const below = [path.resolve(root), realRoot].map((start) => path.relative(start, asked)).find(isBelow);
    if (below === undefined) continue;
    const target = path.join(realRoot, below);
    const folder = await findRealPath(path.dirname(target));
    if (folder === undefined) throw refuse(given, "lies in a folder that does not exist", "make the folder first");
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
