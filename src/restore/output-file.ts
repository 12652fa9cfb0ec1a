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
 * beside its place and linked there, which never replaces anything. Throws `output-refused`.
 */
export async function writeOutput(target: string, text: string): Promise<void> {
  const draft = path.join(path.dirname(target), `.hosted-cluster-restore-${randomBytes(8).toString("hex")}.part`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(draft, "wx", 0o600);
    // Where the umask takes away more, the owner could not read it.
    await handle.chmod(0o600);
    await handle.writeFile(text);
    await handle.sync();
    await link(draft, target);
  } catch (error) {
    const errno = errnoOf(error);
    throw errno === "EEXIST"
      ? refuseOutput(target, "exists already", "set output to a file that nobody else writes", error)
      : refuseOutput(target, `cannot be written (${errno})`, "set output to a new file under RUNNER_TEMP", error);
  } finally {
    await handle?.close();
    if (handle !== undefined) await unlink(draft);
  }
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
  return new ActionError("output-refused", `the output ${JSON.stringify(given.slice(0, 200))} ${problem}`, {
    hint,
    cause,
  });
}
