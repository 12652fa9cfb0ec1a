import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { channel, frame, framesOf, statusOf } from "./exec-channels.ts";
import type { Container, ContainerSettings } from "./container.ts";
import type { ExecFaultKind } from "./faults.ts";

export interface ExecPlan {
  readonly argv: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly settings: ContainerSettings;
  readonly fault: ExecFaultKind | undefined;
}

/** More than this waiting for the client, and the process is not read from. */
const highWaterBytes = 1024 * 1024;
/** Exit status of a process that a signal ended: 128 and the signal's number. */
const signalNumbers: Readonly<Record<string, number>> = { SIGKILL: 9, SIGTERM: 15, SIGINT: 2, SIGPIPE: 13, SIGHUP: 1 };

/** The code that stands for a closing without one, RFC 6455, 7.4.1. */
const lostConnection = 1006;

/**
 * Runs a command in a container and streams it over an open WebSocket. A client that goes away does not stop the process;
 * the exec ends when the process and all holders of its streams have ended: seen with a kubelet and containerd. An empty
 * message tells the client that it is open.
 */
export function runExec(webSocket: WebSocket, socket: Duplex, container: Container, plan: ExecPlan): void {
  webSocket.send(frame(plan.stdout ? channel.stdout : plan.stderr ? channel.stderr : channel.status, ""));
  const child = container.spawn(plan.argv, plan.settings);
  const output = new FaultyOutput(plan.fault);
  webSocket.on("error", () => {
    webSocket.terminate();
  });
  forwardInput(webSocket, child, plan);
  child.stdout.on("data", (chunk: Buffer) => {
    if (plan.stdout) send(webSocket, child, channel.stdout, output.take(chunk));
    if (plan.fault?.kind === "cut" && output.reached(plan.fault.atBytes)) socket.destroy();
    // The command's own children have no end with it, but with the container.
    if (plan.fault?.kind === "kill" && output.reached(plan.fault.atBytes)) container.close();
    if (plan.fault?.kind === "stall" && output.reached(plan.fault.atBytes)) socket.pause();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    if (plan.stderr) send(webSocket, child, channel.stderr, chunk);
  });
  webSocket.on("close", (code) => {
    // Who says goodbye in v5 lets the output run to its end. Behind a connection that is lost nobody reads any more: the
    // process blocks when its pipe is full, for ever. Seen with kubelet 1.34 and containerd 1.6.
    const drains = code !== lostConnection && webSocket.protocol.startsWith("v5.");
    for (const stream of [child.stdout, child.stderr])
      if (drains) stream.resume();
      else stream.pause();
  });
  let problem: string | undefined;
  child.on("error", () => {
    problem = startProblem(plan.argv[0] ?? "");
  });
  child.on("close", (code, signal) => {
    if (webSocket.readyState !== webSocket.OPEN || (plan.fault?.kind === "stall" && output.stalled)) return;
    for (const rest of framesOf(channel.stdout, output.end())) webSocket.send(rest);
    if (plan.fault?.kind === "failure-status") problem = "error reading from error stream: connection reset by peer";
    const exitCode = signal === null ? (code ?? undefined) : 128 + (signalNumbers[signal] ?? 9);
    if (plan.fault?.kind === "close-frames")
      for (const ended of [channel.stdout, channel.stderr]) webSocket.send(frame(channel.close, Buffer.of(ended)));
    const told = problem === undefined ? exitCode : undefined;
    webSocket.send(frame(channel.status, JSON.stringify(statusOf(webSocket.protocol, told, problem))));
    webSocket.close(1000);
  });
  if (plan.fault?.kind === "cut") cutBySave(plan.fault, socket, container, child);
}

function send(webSocket: WebSocket, child: ChildProcessWithoutNullStreams, number: number, payload: Buffer): void {
  if (webSocket.readyState !== webSocket.OPEN) return;
  for (const message of framesOf(number, payload))
    webSocket.send(message, () => {
      const isOpen = webSocket.readyState === webSocket.OPEN;
      if (isOpen && webSocket.bufferedAmount < highWaterBytes / 2) resume(child);
    });
  if (webSocket.bufferedAmount > highWaterBytes) {
    child.stdout.pause();
    child.stderr.pause();
  }
}

function resume(child: ChildProcessWithoutNullStreams): void {
  if (child.stdout.isPaused()) child.stdout.resume();
  if (child.stderr.isPaused()) child.stderr.resume();
}

function forwardInput(webSocket: WebSocket, child: ChildProcessWithoutNullStreams, plan: ExecPlan): void {
  child.stdin.on("error", () => undefined);
  let messages = 0;
  if (!plan.stdin) {
    child.stdin.end();
    return;
  }
  webSocket.on("message", (data) => {
    const message = Buffer.isBuffer(data) ? data : Buffer.alloc(0);
    messages += 1;
    if (plan.fault?.kind === "lose-input" && plan.fault.nth === messages) return;
    if (message[0] === channel.stdin && message.length > 1) child.stdin.write(message.subarray(1));
    const ends = webSocket.protocol.startsWith("v5.") && message[0] === channel.close;
    if (ends && message[1] === channel.stdin) child.stdin.end();
  });
  webSocket.on("close", () => child.stdin.end());
}

/** As containerd and runc say it; there is no exit status then. Other runtimes have other words. */
function startProblem(command: string): string {
  const reason = command.includes("/")
    ? `stat ${command}: no such file or directory`
    : "executable file not found in $PATH";
  return `error executing command in container: failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: exec: "${command}": ${reason}: unknown`;
}

function cutBySave(
  fault: { readonly atBytes?: number; readonly atSaveFraction?: number },
  socket: Duplex,
  container: Container,
  child: ChildProcessWithoutNullStreams,
): void {
  const { atSaveFraction } = fault;
  if (atSaveFraction === undefined || atSaveFraction === 0) {
    if (fault.atBytes === undefined) child.once("spawn", () => socket.destroy());
    return;
  }
  const timer = setInterval(() => {
    const bytes = container.newestSnapshotBytes();
    if (bytes === 0 || bytes < atSaveFraction * container.databaseBytes()) return;
    clearInterval(timer);
    socket.destroy();
  }, 2);
  timer.unref();
  child.once("close", () => {
    clearInterval(timer);
  });
}

/** Standard output on its way to the client, with what a fault does to it. */
class FaultyOutput {
  readonly #fault: ExecFaultKind | undefined;
  #seen = 0;
  #held = Buffer.alloc(0);

  constructor(fault: ExecFaultKind | undefined) {
    this.#fault = fault;
  }

  get stalled(): boolean {
    return this.#fault?.kind === "stall" && this.reached(this.#fault.atBytes);
  }

  reached(bytes: number | undefined): boolean {
    return bytes !== undefined && this.#seen >= bytes;
  }

  take(chunk: Buffer): Buffer {
    const fault = this.#fault;
    const start = this.#seen;
    this.#seen += chunk.length;
    if (fault?.kind === "cut" && fault.atBytes !== undefined) return before(chunk, fault.atBytes - start);
    // What the pipe had already goes with the container.
    if (fault?.kind === "stall" || fault?.kind === "kill") return before(chunk, fault.atBytes - start);
    if (fault?.kind === "flip" && fault.atByte >= start && fault.atByte < this.#seen) {
      const turned = Buffer.from(chunk);
      turned[fault.atByte - start] = (turned[fault.atByte - start] ?? 0) ^ 1;
      return turned;
    }
    if (fault?.kind === "gap" || fault?.kind === "echo") {
      const from = fault.atByte - start;
      const to = from + fault.bytes;
      const [end, next] = fault.kind === "gap" ? [from, to] : [to, from];
      return Buffer.concat([before(chunk, end), chunk.subarray(Math.max(0, next))]);
    }
    if (fault?.kind !== "short") return chunk;
    const all = Buffer.concat([this.#held, chunk]);
    const passed = Math.max(0, all.length - fault.missingBytes);
    this.#held = all.subarray(passed);
    return all.subarray(0, passed);
  }

  /** What is still to be sent when the process has ended. */
  end(): Buffer {
    return this.#fault?.kind === "extra" ? Buffer.alloc(this.#fault.extraBytes, "x") : Buffer.alloc(0);
  }
}

function before(chunk: Buffer, length: number): Buffer {
  return chunk.subarray(0, Math.max(0, length));
}
