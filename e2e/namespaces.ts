import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface NamespaceOptions {
  /** Of `unshare`, such as `--net`; it has a PID namespace in every case. */
  readonly flags: readonly string[];
  /** Shell commands that must succeed first, outside of the namespaces. */
  readonly outside?: readonly string[];
  /** The same, inside of them. */
  readonly inside?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

const repository = fileURLToPath(new URL("..", import.meta.url));

/**
 * Runs a program in namespaces of its own, which the kernel empties when it ends, however it does. Resolves with its exit
 * code; 130 when a signal to this process ended it and everything in its namespaces.
 */
export async function runInNamespaces(command: readonly string[], options: NamespaceOptions): Promise<number> {
  const { flags, outside = [], inside = [], env = {} } = options;
  const unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", ...flags].join(" ");
  // The inner shell is the first process of the namespaces, and waits for the orphans that others leave to it.
  const inner = [...inside, `"$@"`].join(" && ");
  const script = [...outside, `exec ${unshare} sh -c '${inner}; exit $?' sh "$@"`].join(" && ");
  // The kernel ends it with this process, also where that is killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "sh", "-c", script, "sh", ...command], {
    cwd: repository,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", "inherit"],
    // A terminal's SIGINT comes to this process alone, which then ends the others.
    detached: true,
  });
  const interruption = new AbortController();
  const end = (): void => {
    interruption.abort();
    child.kill("SIGKILL");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  return interruption.signal.aborted ? 130 : (code ?? 1);
}
