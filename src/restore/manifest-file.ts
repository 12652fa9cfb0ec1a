import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { ActionError } from "../errors.ts";
import { resolveAllowedPath } from "./allowed-path.ts";
import { errnoOf } from "./file-error.ts";
import { manifestMaxBytes } from "./manifest.ts";
import type { Environment } from "./world.ts";

interface ManifestFile {
  /** Absolute. */
  readonly path: string;
  readonly content: Buffer;
}

/**
 * Reads at most one byte more than a manifest may have. Throws `manifest-invalid` for what is no regular file inside of the
 * workspace or RUNNER_TEMP, a link above all.
 */
export async function readManifestFile(given: string, environment: Environment): Promise<ManifestFile> {
  const path = await resolveAllowedPath(given, environment, refuseManifest);
  // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, flags);
    if (!(await handle.stat()).isFile()) throw refuseManifest(given, "is no file", "name the rendered manifest");
    const chunks: Buffer[] = [];
    // `end` is included: one byte too many is seen as such.
    const stream = handle.createReadStream({ end: manifestMaxBytes, autoClose: false });
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return { path, content: Buffer.concat(chunks) };
  } catch (error) {
    if (error instanceof ActionError) throw error;
    throw refuseManifest(given, describeErrno(errnoOf(error)), "name a file that an earlier step wrote", error);
  } finally {
    await handle?.close();
  }
}

function describeErrno(errno: string): string {
  switch (errno) {
    case "ENOENT":
      return "does not exist";
    case "ELOOP":
      return "is a symbolic link";
    default:
      return `cannot be read (${errno})`;
  }
}

function refuseManifest(given: string, problem: string, hint: string, cause?: unknown): ActionError {
  return new ActionError("manifest-invalid", `the manifest ${JSON.stringify(given.slice(0, 200))} ${problem}`, {
    hint,
    cause,
  });
}
