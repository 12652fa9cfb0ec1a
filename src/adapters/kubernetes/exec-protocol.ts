/** Numbers of the streams in the first byte of a frame: remotecommand over WebSocket. v5 adds `close`, the end of a stream. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;

/** The API server speaks v5 since Kubernetes 1.30, and v4 before it. */
export const subprotocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/** Whether one stream can be ended while the others go on. */
export function endsStreams(protocol: string): boolean {
  return protocol === subprotocols[0];
}
