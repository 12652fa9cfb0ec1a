import { openAllowedFile, type Environment } from "../allowed-path.ts";
import { ActionError } from "../errors.ts";
import { describeFileError } from "../file-error.ts";
import { quote } from "../shown-text.ts";
import { manifestMaxBytes } from "./manifest.ts";

interface ManifestFile {
  /** Absolute. */
  readonly path: string;
  readonly content: Buffer;
}

/**
 * Reads at most one byte more than a manifest may have. Throws `manifest-invalid` for what is not a regular file inside
 * of the workspace or RUNNER_TEMP, a link above all.
 */
export async function readManifestFile(given: string, environment: Environment): Promise<ManifestFile> {
  const { path, file } = await openAllowedFile(given, environment, refuseManifest);
  try {
    const chunks: Buffer[] = [];
    // `end` is included: one byte too many is seen as such.
    const stream = file.createReadStream({ end: manifestMaxBytes, autoClose: false });
    for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
    return { path, content: Buffer.concat(chunks) };
  } catch (error) {
    throw refuseManifest(given, describeFileError(error), "name a file that an earlier step wrote", error);
  } finally {
    await file.close();
  }
}

function refuseManifest(given: string, problem: string, hint: string, cause?: unknown): ActionError {
  return new ActionError("manifest-invalid", `the manifest ${quote(given)} ${problem}`, { hint, cause });
}
