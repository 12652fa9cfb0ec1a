import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { ActionError } from "../../errors.ts";
import { listAt, stringAt } from "../../json-path.ts";
import type { ExecOptions, ExecResult } from "../../ports/exec.ts";
import type { ObjectRef } from "../../ports.ts";
import { renderLine } from "../../shown-text.ts";
import { hostOf, type Connection } from "./connection.ts";
import { describeAnswer, describeConnectionError, timedOut } from "./errors.ts";
import { sendInput } from "./exec-input.ts";
import { ExecOutput, markEnd } from "./exec-output.ts";
import { channel, subprotocols } from "./exec-protocol.ts";
import { pathOf } from "./object-path.ts";

type PodRef = ObjectRef & { readonly container: string };

/** The API server sends frames of 32 KiB; a larger one than this comes from something else. */
const frameMaxBytes = 16 * 1024 * 1024;
const refusalMaxBytes = 64 * 1024;
const outputs = ["stdout", "stderr"];

/** See ManagementCluster.exec. Why it is not the client's own Exec: docs/adr/0002-own-exec-stream.md. */
export async function execInPod(
  connection: Connection,
  pod: PodRef,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { signal, limits, clock } = connection;
  const where = `in container ${pod.container} of pod ${pod.name} in ${pod.namespace}`;
  const url = renderUrl(connection, pod, {
    argv: markEnd(argv, options),
    streams: options.input === undefined ? outputs : ["stdin", ...outputs],
  });
  if (signal?.aborted === true) throw cancelled(where, signal.reason);
  return new Promise((resolve, reject) => {
    const output = new ExecOutput(options);
    const socket = new WebSocket(url, subprotocols, {
      agent: connection.execAgent,
      headers: connection.headers,
      perMessageDeflate: false,
      maxPayload: frameMaxBytes,
    });
    let state: "opening" | "open" | "settled" = "opening";
    let status: unknown;
    let answeredMs = 0;
    let pinger: NodeJS.Timeout | undefined;
    let closing: NodeJS.Timeout | undefined;

    const settle = (result: ExecResult | Error): void => {
      if (state === "settled") return;
      state = "settled";
      for (const timer of [opening, deadline, pinger, closing]) clearTimeout(timer);
      signal?.removeEventListener("abort", cancel);
      socket.terminate();
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const interrupt = (how: string): void => {
      settle(
        new ActionError(
          "exec-interrupted",
          `the command ${where} was cut off after ${String(output.sizeBytes)} bytes: ${how}`,
          {
            hint: "look whether a kubelet was restarted, and for proxies before the API server that cut idle connections",
          },
        ),
      );
    };
    const conclude = (how: string): void => {
      const result = status === undefined ? how : readResult(status, output, where);
      if (typeof result === "string") interrupt(result);
      else if (result instanceof ActionError || output.lack === undefined || result.exitCode !== 0) settle(result);
      else interrupt(`it ended well, but ${output.lack}`);
    };
    const cancel = (): void => {
      settle(cancelled(where, signal?.reason));
    };
    const take = (payload: Buffer): void => {
      if (!output.addStdout(payload)) interrupt("more came than was asked for");
      if (output.taken === undefined) return;
      socket.pause();
      output.taken.then(() => {
        answeredMs = clock.nowMs();
        if (output.taken === undefined) socket.resume();
      }, settle);
    };
    // Not left to the WebSocket, which counts from its socket on: one that waits for a proxy has none.
    const opening = setTimeout(
      () => {
        settle(describeHandshake(timedOut(), connection, where));
      },
      Math.min(options.timeoutMs, limits.requestTimeoutMs),
    );
    const deadline = setTimeout(() => {
      conclude(`it did not end within ${String(options.timeoutMs / 1000)} s`);
    }, options.timeoutMs);
    signal?.addEventListener("abort", cancel);

    socket.on("open", () => {
      state = "open";
      clearTimeout(opening);
      answeredMs = clock.nowMs();
      pinger = setInterval(() => {
        // Its answers to pings wait behind the bytes that nobody takes.
        if (!socket.isPaused && clock.nowMs() - answeredMs > limits.execStallMs)
          interrupt(`nothing came for ${String(limits.execStallMs / 1000)} s`);
        else socket.ping();
      }, limits.execPingMs);
      if (options.input !== undefined) sendInput(socket, options.input).catch(settle);
    });
    socket.on("pong", () => {
      answeredMs = clock.nowMs();
    });
    socket.on("message", (data, isBinary) => {
      // A message that was already on its way when the end was known.
      if (state === "settled") return;
      answeredMs = clock.nowMs();
      if (!Buffer.isBuffer(data) || !isBinary) {
        interrupt("the server does not speak the exec protocol");
        return;
      }
      const payload = data.subarray(1);
      if (data[0] === channel.stdout) take(payload);
      else if (data[0] === channel.stderr) output.addStderr(payload);
      else if (data[0] === channel.status && status === undefined) {
        status = parseStatus(payload);
        closing = setTimeout(() => {
          socket.terminate();
        }, limits.execCloseMs);
      }
    });
    socket.on("unexpected-response", (_request, response) => {
      void readRefusal(response).then((body) => {
        settle(describeRefusal(response.statusCode ?? 0, body, pod));
      });
    });
    socket.on("error", (error) => {
      if (state === "opening") settle(describeHandshake(error, connection, where));
      // A connection that is lost later has no error here, only a closing: this is about what the server sent.
      else if (state === "open") conclude("what the server sent is no WebSocket any more");
    });
    socket.on("close", (code) => {
      const end = (): void => {
        if (state === "open") conclude(`the connection was lost without an exit status (close code ${String(code)})`);
      };
      if (output.taken === undefined) end();
      else output.taken.then(end, settle);
    });
  });
}

function renderUrl(
  connection: Connection,
  pod: PodRef,
  { argv, streams }: { readonly argv: readonly string[]; readonly streams: readonly string[] },
): string {
  const { namespace, name } = pathOf(pod);
  const query = new URLSearchParams([
    ["container", pod.container],
    ...streams.map((stream): [string, string] => [stream, "true"]),
    ...argv.map((argument): [string, string] => ["command", argument]),
  ]);
  const server = connection.server.replace(/^https:/, "wss:");
  return `${server}/api/v1/namespaces/${namespace}/pods/${name}/exec?${query.toString()}`;
}

/** The result, why there is none, or how the command or its stream was cut off. */
function readResult(status: unknown, output: ExecOutput, where: string): ExecResult | ActionError | string {
  if (stringAt(status, "status") === "Success") return output.toResult(0);
  const cause = listAt(status, "details", "causes").find((entry) => stringAt(entry, "reason") === "ExitCode");
  const exitCode = Number(stringAt(cause, "message"));
  // Processes of a container that ends get these codes; no command that the action runs ends so by itself.
  if (exitCode > 128 && exitCode <= 128 + 64) return `it was killed by signal ${String(exitCode - 128)}`;
  if (Number.isInteger(exitCode) && exitCode > 0) return output.toResult(exitCode);
  // The API server repeats the whole command where it cannot reach the node.
  const said = stringAt(status, "message") ?? "no reason was given";
  const message = renderLine(said.replaceAll(/\?[^\s"]*/g, "")).slice(0, 300);
  if (isNodeAway(message))
    return new ActionError(
      "cluster-unreachable",
      `the command ${where} could not be started: its node cannot be reached: ${message}`,
      {
        hint: "look at the node and its kubelet",
      },
    );
  if (!isStartProblem(message)) return message;
  return new ActionError("exec-failed", `the command ${where} could not be started: ${message}`, {
    hint: "look at the pod and at the events of its node",
  });
}

/** The words of an API server that has opened the stream, and finds no kubelet then. */
function isNodeAway(message: string): boolean {
  return /error (?:sending request|dialing backend)/i.test(message);
}

/** The words of containerd, CRI-O, runc, crun and kubelet for a command or container that is not there; all else is a cut stream. */
function isStartProblem(message: string): boolean {
  return /exec failed|failed to exec|executable file .*not found|container .*not (?:found|running|created or running)|(?:no such|could not find) container/i.test(
    message,
  );
}

function describeRefusal(httpStatus: number, body: string, pod: PodRef): ActionError {
  const status = parseStatus(Buffer.from(body));
  // Exec is a GET that since Kubernetes 1.35 needs `create` too: the server says which of the two is missing.
  const verb = /cannot create/.test(stringAt(status, "message") ?? "") ? "create" : "get";
  const call = { verb, resource: "pods/exec", namespace: pod.namespace, name: pod.name };
  const answer = describeAnswer(httpStatus, status, call);
  // 400: no such container; 404: no such pod; 500: the container is not running, or its kubelet did not answer.
  if (answer.code === "cluster-refused")
    return new ActionError("exec-failed", answer.message, { hint: "look at the pod; it may have been replaced" });
  return answer;
}

function describeHandshake(error: Error, connection: Connection, where: string): ActionError {
  if (!/subprotocol/i.test(error.message)) return describeConnectionError(error, hostOf(connection));
  return new ActionError("exec-failed", `the server offers no exec over WebSocket ${where}`, {
    hint: "look for a proxy before the API server that does not pass WebSockets on",
    cause: error,
  });
}

async function readRefusal(response: IncomingMessage): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > refusalMaxBytes) break;
    }
  } catch {
    // The text so far is enough for a message.
  }
  return text;
}

function parseStatus(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    return {};
  }
}

function cancelled(where: string, cause: unknown): ActionError {
  return new ActionError("cancelled", `the command ${where} was interrupted`, { cause });
}
