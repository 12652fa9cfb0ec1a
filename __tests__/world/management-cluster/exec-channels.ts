import type { JsonObject } from "./json.ts";

/**
 * Numbers of the streams in the first byte of each message; Kubernetes' remotecommand over WebSocket: `close` and a number
 * say that the client ends that stream. Source: k8s.io/apimachinery, pkg/util/httpstream/wsstream/conn.go.
 */
export const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;

/** v5 adds the closing of one stream (KEP-4006). */
export const subprotocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

/** The API server's own size of a read from the container runtime. */
const frameBytes = 32 * 1024;

export function frame(number: number, payload: Buffer | string): Buffer {
  return Buffer.concat([Buffer.of(number), Buffer.from(payload)]);
}

export function framesOf(number: number, payload: Buffer): readonly Buffer[] {
  const count = Math.ceil(payload.length / frameBytes);
  return Array.from({ length: count }, (_, index) =>
    frame(number, payload.subarray(index * frameBytes, (index + 1) * frameBytes)),
  );
}

/**
 * The last message: how the command ended. `exitCode` undefined: it could not be told, for `problem`. v5 is spoken by the
 * API server, which wraps what the kubelet said; v4 is the kubelet's own.
 * Source: k8s.io/apiserver, pkg/util/proxy/streamtranslator.go; k8s.io/kubelet, pkg/cri/streaming/remotecommand/exec.go.
 */
export function statusOf(protocol: string, exitCode: number | undefined, problem = ""): JsonObject {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  if (exitCode === undefined) {
    const said = protocol.startsWith("v5.") ? `Internal error occurred: ${problem}` : problem;
    return {
      metadata: {},
      status: "Failure",
      message: `Internal error occurred: ${said}`,
      reason: "InternalError",
      details: { causes: [{ message: said }] },
      code: 500,
    };
  }
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: command terminated with exit code ${String(exitCode)}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}
