import type { Role } from "./run.ts";

/** Why the process is to end; a thrown value is its own reason. */
export type Interruption = "signal" | "log-closed";

/** `runs.using` of action.yml; the bundle does not load on an older one. */
const oldestNode = 24;

/**
 * Starts a step. The signal handlers come first: the bundle takes up to seconds to load on a busy machine, and until a
 * handler is there a signal ends Node.js at once. So this file and its two entries import nothing.
 */
export async function startStep(role: Role): Promise<void> {
  // A process that ends before it says how it went has failed.
  process.exitCode = 1;
  if (Number(process.versions.node.split(".")[0]) < oldestNode) {
    const found = `the runner starts it with ${process.versions.node}`;
    printError("runner-unsuitable", `this action needs Node.js ${oldestNode}, and ${found}: update the runner`);
    return;
  }
  const interrupted = new AbortController();
  // The runner sends SIGINT, then SIGTERM 7.5 s later: the run puts the cluster back and ends by itself.
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      interrupted.abort("signal" satisfies Interruption);
    });
  // Whatever else would end the process at once ends the run instead, which puts the cluster back.
  process.on("uncaughtException", (error) => {
    interrupted.abort(error);
  });
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", () => {
      interrupted.abort("log-closed" satisfies Interruption);
    });
  try {
    const { runStep } = await import("./run.ts");
    process.exitCode = await runStep(role, interrupted.signal);
  } catch (error) {
    const kind = error instanceof Error ? error.name : typeof error;
    printError("internal", `the action could not be loaded (${kind}): the folder dist is not as it was published`);
  }
  // Idle sockets of the clients would keep the process.
  process.exit();
}

/** Prints an annotation as @actions/core does; `message` is one line without a percent sign. */
function printError(code: string, message: string): void {
  console.log(`::error title=${code}::${message}`);
}
