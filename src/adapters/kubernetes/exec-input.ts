import { WebSocket } from "ws";
import type { ExecInput } from "../../ports/exec.ts";
import { channel, endsStreams } from "./exec-protocol.ts";

/**
 * Sends the pieces of a command's standard input, each when the one before it has left, and then its end, which v4 cannot
 * tell. Ends early when the command does; rejects with what `input` throws.
 */
export async function sendInput(socket: WebSocket, input: ExecInput): Promise<void> {
  for await (const piece of input) {
    if (socket.readyState !== WebSocket.OPEN) return;
    await send(socket, channel.stdin, piece);
  }
  if (endsStreams(socket.protocol)) await send(socket, channel.close, Buffer.of(channel.stdin));
}

/** What cannot be sent any more is not missed: how the command ended is told by its status, or by the lack of it. */
function send(socket: WebSocket, to: number, payload: Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.send(Buffer.concat([Buffer.of(to), payload]), () => {
      resolve();
    });
  });
}
