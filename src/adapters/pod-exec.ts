import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { ActionError } from "../errors.ts";
import { listAt, stringAt } from "../hypershift/json-path.ts";
import type { ExecOptions, ExecResult, ObjectRef } from "../ports.ts";
import { hostOf, type Connection } from "./kubernetes-connection.ts";
import { describeAnswer, describeConnectionError, isLasting } from "./kubernetes-errors.ts";
import { ExecOutput } from "./exec-output.ts";

type PodRef = ObjectRef & { readonly container: string };

/** Numbers of the streams in the first byte of a frame: remotecommand over WebSocket. v5 adds 255, the end of a stream. */
const channel = { stdout: 1, stderr: 2, status: 3 } as const;
/** The API server speaks v5 since Kubernetes 1.30, and v4 before it. */
const subprotocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
/** The API server sends frames of 32 KiB; a larger one than this comes from something else. */
const frameMaxBytes = 16 * 1024 * 1024;
const refusalMaxBytes = 64 * 1024;
/** After the exit status the API server closes; where the closing is lost, nothing is missing any more. */
const closeGraceMs = 2_000;

/** See ManagementCluster.exec. Why it is not the client's own Exec: docs/adr/0002-own-exec-stream.md. */
export function execInPod(
  connection: Connection,
  pod: PodRef,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const { signal, limits } = connection;
  const where = `in container ${pod.container} of pod ${pod.name} in ${pod.namespace}`;
  return new Promise((resolve, reject) => {
    const output = new ExecOutput(options.expectedBytes);
    const socket = new WebSocket(renderUrl(connection, pod, argv), subprotocols, {
      agent: connection.agent,
      headers: connection.headers,
      perMessageDeflate: false,
      maxPayload: frameMaxBytes,
      handshakeTimeout: Math.min(options.timeoutMs, limits.requestTimeoutMs),
    });
    let status: unknown;
    let answeredMs = connection.clock.nowMs();
    let closing: NodeJS.Timeout | undefined;

    const settle = (result: ExecResult | ActionError): void => {
      clearTimeout(deadline);
      clearTimeout(closing);
      clearInterval(pinger);
      signal?.removeEventListener("abort", cancel);
      socket.terminate();
      if (result instanceof ActionError) reject(result);
      else resolve(result);
    };
    const interrupt = (how: string): void => {
      settle(
        new ActionError(
          "exec-interrupted",
          `the command ${where} was cut off after ${String(output.sizeBytes)} bytes: ${how}`,
          {
            hint: "look for proxies and load balancers before the API server that cut idle connections",
          },
        ),
      );
    };
    const cancel = (): void => {
      settle(new ActionError("cancelled", `the command ${where} was interrupted`, { cause: signal?.reason }));
    };
    const deadline = setTimeout(() => {
      interrupt(`it did not end within ${String(options.timeoutMs / 1000)} s`);
    }, options.timeoutMs);
    const pinger = setInterval(() => {
      if (connection.clock.nowMs() - answeredMs > limits.execStallMs)
        interrupt(`nothing came for ${String(limits.execStallMs / 1000)} s`);
      else if (socket.readyState === WebSocket.OPEN) socket.ping();
    }, limits.execPingMs);
    if (signal?.aborted === true) {
      socket.on("error", () => undefined);
      cancel();
      return;
    }
    signal?.addEventListener("abort", cancel);

    socket.on("pong", () => {
      answeredMs = connection.clock.nowMs();
    });
    socket.on("message", (data, isBinary) => {
      answeredMs = connection.clock.nowMs();
      if (!Buffer.isBuffer(data) || !isBinary) {
        interrupt("the server does not speak the exec protocol");
        return;
      }
      const payload = data.subarray(1);
      if (data[0] === channel.stdout) {
        if (!output.addStdout(payload)) interrupt("more came than was asked for");
      } else if (data[0] === channel.stderr) output.addStderr(payload);
      else if (data[0] === channel.status) {
        status = parseStatus(payload);
        closing = setTimeout(() => {
          socket.terminate();
        }, closeGraceMs);
      }
    });
    socket.on("unexpected-response", (_request, response) => {
      void readRefusal(response).then((body) => {
        settle(describeRefusal(response.statusCode ?? 0, body, pod));
      });
    });
    socket.on("error", (error) => {
      // Once open, an error is followed by the closing.
      if (socket.readyState === WebSocket.OPEN) return;
      settle(
        isLasting(error)
          ? describeConnectionError(error, hostOf(connection))
          : describeHandshake(error, connection, where),
      );
    });
    socket.on("close", (code) => {
      const result = readResult(status, output);
      if (typeof result === "string") interrupt(`${result} (close code ${String(code)})`);
      else if (result instanceof ActionError || output.isComplete || result.exitCode !== 0) settle(result);
      else interrupt(`it ended well, but ${String(options.expectedBytes ?? 0)} bytes were expected`);
    });
  });
}

function renderUrl(connection: Connection, pod: PodRef, argv: readonly string[]): string {
  const query = new URLSearchParams([
    ["container", pod.container],
    ["stdout", "true"],
    ["stderr", "true"],
    ...argv.map((argument): [string, string] => ["command", argument]),
  ]);
  const path = `/api/v1/namespaces/${encodeURIComponent(pod.namespace)}/pods/${encodeURIComponent(pod.name)}/exec`;
  return `${connection.server.replace(/^https:/, "wss:")}${path}?${query.toString()}`;
}

/** The result, why there is none, or a text for a connection that ended too early. */
function readResult(status: unknown, output: ExecOutput): ExecResult | ActionError | string {
  if (status === undefined) return "the connection was lost without an exit status";
  if (stringAt(status, "status") === "Success") return output.toResult(0);
  const cause = listAt(status, "details", "causes").find((entry) => stringAt(entry, "reason") === "ExitCode");
  const exitCode = Number(stringAt(cause, "message"));
  if (cause !== undefined && Number.isInteger(exitCode)) return output.toResult(exitCode);
  const message = (stringAt(status, "message") ?? "no reason was given").slice(0, 300);
  // The words of containerd, CRI-O and kubelet for a command or container that is not there; anything else is a cut stream.
  if (
    /exec failed|failed to exec|executable file not found|container .*not (?:found|running)|no such container/i.test(
      message,
    )
  )
    return new ActionError("exec-failed", `a command could not be started in the pod: ${message}`, {
      hint: "look at the pod and at the events of its node",
    });
  return message;
}

function describeRefusal(httpStatus: number, body: string, pod: PodRef): ActionError {
  const call = { verb: "get", resource: "pods/exec", namespace: pod.namespace, name: pod.name };
  const answer = describeAnswer(httpStatus, parseStatus(Buffer.from(body)), call);
  // 400: no such container; 404: no such pod; 500: the container is not running, or its kubelet did not answer.
  if (httpStatus === 400 || httpStatus === 404)
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
    // What has come is enough for a message.
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
