/** What this machine has not, in one line. Scripts end with exit code 3 for it, which `.ci/run` reports as skipped. */
export class LackError extends Error {}

/** Prints the one line of an error; returns the exit code of the script. */
export function reportFailure(script: string, error: unknown): number {
  process.stderr.write(`${script}: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof LackError ? 3 : 1;
}
