import { spawn, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { StringDecoder } from "node:string_decoder";
import { findByEnvironment } from "../processes.ts";

/** What ProcessInvoker.cs waits after each signal, and for the streams of a process that ended. */
const sigintWaitMs = 7500;
const sigtermWaitMs = 2500;
const streamsWaitMs = 5000;

export interface StepProcessOptions {
  readonly node: string;
  readonly script: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** In the environment of the process and all it starts; by it the tree is found. */
  readonly trackingId: string;
  /** Real time divided by the runner's: 0.1 makes 7.5 s 0.75 s. */
  readonly timeScale: number;
  readonly onLine: (line: string, stream: "stdout" | "stderr") => void;
}

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly durationMs: number;
}

export interface StepProcess {
  readonly pid: number | undefined;
  /** Resolves when the process has ended and its output is read; rejects when it could not be started. */
  readonly end: Promise<ProcessEnd>;
  readonly signal: (name: NodeJS.Signals) => void;
  /** SIGINT, then SIGTERM, then SIGKILL to the tree: what a cancelled step gets. Only the process itself gets the first two. */
  readonly cancel: () => void;
  /** SIGKILL to the process and all it started. */
  readonly kill: () => void;
  /** Nobody reads what it prints any more. */
  readonly closeLog: () => void;
}

const running = new Set<StepProcess>();
process.on("exit", () => {
  for (const step of running) step.kill();
});
// Without a listener these end the process and skip its exit handlers, and the action would live on.
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(name, () => {
    if (process.listenerCount(name) === 0) process.exit(128 + constants.signals[name]);
  });
}

/** Starts one stage of a step as a process of its own, without a standard input. */
export function startStepProcess(options: StepProcessOptions): StepProcess {
  const startedMs = performance.now();
  const child = spawn(options.node, [options.script], {
    cwd: options.directory,
    env: { ...options.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timers = new Set<NodeJS.Timeout>();
  const later = (waitMs: number, act: () => void) => timers.add(setTimeout(act, waitMs * options.timeScale));
  const ended = () => child.exitCode !== null || child.signalCode !== null;

  const step: StepProcess = {
    pid: child.pid,
    end: readToEnd(child, options.onLine)
      .then((end) => ({ ...end, durationMs: performance.now() - startedMs }))
      .finally(() => {
        for (const timer of timers) clearTimeout(timer);
        running.delete(step);
        killTracked(options.trackingId);
      }),
    signal: (name) => {
      if (!ended()) child.kill(name);
    },
    cancel: () => {
      step.signal("SIGINT");
      later(sigintWaitMs, () => {
        step.signal("SIGTERM");
        later(sigtermWaitMs, step.kill);
      });
    },
    kill: () => {
      step.signal("SIGKILL");
      killTracked(options.trackingId);
    },
    closeLog: () => {
      child.stdout.destroy();
      child.stderr.destroy();
    },
  };
  // A child of the action that holds the streams open does not outlive it for long.
  child.on("exit", () => {
    later(streamsWaitMs, step.kill);
  });
  running.add(step);
  return step;
}

function readToEnd(
  child: ChildProcess,
  onLine: StepProcessOptions["onLine"],
): Promise<Pick<ProcessEnd, "exitCode" | "signal">> {
  return new Promise((resolve, reject) => {
    for (const name of ["stdout", "stderr"] as const) {
      const lines = createLineReader((line) => {
        onLine(line, name);
      });
      child[name]?.on("data", (chunk: Buffer) => {
        lines.write(chunk);
      });
      child[name]?.on("end", lines.end);
    }
    child.on("error", reject);
    child.on("close", (exitCode, signal) => {
      resolve({ exitCode, signal });
    });
  });
}

/** Cuts a stream of UTF-8 into lines as .NET's StreamReader does: at LF, CR or CRLF, the last one without an end too. */
function createLineReader(onLine: (line: string) => void): { write: (chunk: Buffer) => void; end: () => void } {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  const take = (text: string, final: boolean) => {
    rest += text;
    // A CR at the very end may be the first half of CRLF.
    const lines = rest.split(final ? /\r\n|\r|\n/ : /\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  };
  return {
    write: (chunk) => {
      take(decoder.write(chunk), false);
    },
    end: () => {
      take(decoder.end(), true);
      if (rest !== "") onLine(rest);
      rest = "";
    },
  };
}

/** SIGKILL to every process that carries the id, as the runner's clean-up of orphans does (JobExtension.cs). Linux only. */
function killTracked(trackingId: string): void {
  for (const pid of findByEnvironment(`RUNNER_TRACKING_ID=${trackingId}\0`).map(Number)) {
    if (pid === process.pid) continue;
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Ended meanwhile, or another user's.
    }
  }
}
