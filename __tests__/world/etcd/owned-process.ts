import { spawn, type ChildProcess } from "node:child_process";

/** A process that ends with this one, also when this one is killed. */
export interface OwnedProcess {
  /** The last 64 KiB of its standard error. */
  readonly errorOutput: () => string;
  /** True until it has ended. */
  readonly running: () => boolean;
  readonly ended: Promise<void>;
  /** Kills it; resolves when it is gone. */
  stop(): Promise<void>;
}

// A pipe from this process is the leash: it closes whenever this process ends, whatever the way. The shell that waits
// for the child tells the reader of the pipe off first, so that no process id is used after its process is gone.
const leash = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
( cat <&3 >/dev/null 2>&1; kill -9 "$child" 2>/dev/null ) >/dev/null 2>&1 &
reader=$!
wait "$child"
code=$?
kill "$reader" 2>/dev/null
exit "$code"
`;
const keptOutput = 64 * 1024;

export function startOwnedProcess(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): OwnedProcess {
  const child = spawn("/bin/sh", ["-c", leash, "leash", command, ...args], {
    stdio: ["pipe", "ignore", "pipe"],
    ...options,
  });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    output = (output + chunk).slice(-keptOutput);
  });
  child.stdin.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      resolve();
    });
    child.once("error", (error) => {
      output += error.message;
      resolve();
    });
  });
  void ended.then(() => child.stdin.destroy());
  // Only the pipe to its standard input holds the child; this process may end while it runs.
  child.unref();
  return {
    errorOutput: () => output,
    running: () => isRunning(child),
    ended,
    stop: async () => {
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
