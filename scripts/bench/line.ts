/** A slow and distant network on loopback: connections to servers of this machine through one line with a delay and a rate. */
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface LineOptions {
  readonly roundTripMs: number;
  /** Of each direction, for all connections together. */
  readonly bitsPerSecond: number;
}

export interface Line {
  /** A port of loopback that leads to `port` over this line. */
  open(port: number): Promise<number>;
  close(): void;
}

/** More than this on its way, and nothing is read from who sends: some round trips at full rate. */
const mostUnderWayBytes = 2 * 1024 * 1024;
/** As the packets of several connections share a line, so do pieces of this size. */
const pieceBytes = 16 * 1024;

export function createLine({ roundTripMs, bitsPerSecond }: LineOptions): Line {
  const servers: net.Server[] = [];
  const sockets = new Set<Socket>();
  const directions = { there: new Direction(bitsPerSecond), back: new Direction(bitsPerSecond) };
  const connect = async (near: Socket, port: number): Promise<void> => {
    const far = net.connect({ port, host: "127.0.0.1" });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {
        near.destroy();
        far.destroy();
      });
    }
    // The opening of a connection is a round trip of its own, before the first byte.
    await delay(roundTripMs);
    carry(near, far, { direction: directions.there, delayMs: roundTripMs / 2 });
    carry(far, near, { direction: directions.back, delayMs: roundTripMs / 2 });
  };
  return {
    open: async (port) => {
      const server = net.createServer({ pauseOnConnect: true }, (near) => void connect(near, port));
      servers.push(server);
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return (server.address() as AddressInfo).port;
    },
    close: () => {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** One way of the line: what goes over it waits for what went before. */
class Direction {
  readonly #bytesPerMs: number;
  #freeAtMs = 0;

  constructor(bitsPerSecond: number) {
    this.#bytesPerMs = bitsPerSecond / 8 / 1000;
  }

  /** When the last of so many bytes has left. */
  send(bytes: number): number {
    this.#freeAtMs = Math.max(this.#freeAtMs, performance.now()) + bytes / this.#bytesPerMs;
    return this.#freeAtMs;
  }
}

function carry(
  from: Socket,
  to: Socket,
  { direction, delayMs }: { readonly direction: Direction; readonly delayMs: number },
): void {
  let underWayBytes = 0;
  let last: Promise<unknown> = Promise.resolve();
  const deliver = (atMs: number, work: () => void): void => {
    const before = last;
    last = (async () => {
      await Promise.all([before, delay(Math.max(0, atMs - performance.now()))]);
      if (!to.destroyed) work();
    })();
  };
  from.on("data", (chunk: Buffer) => {
    underWayBytes += chunk.length;
    if (underWayBytes > mostUnderWayBytes) from.pause();
    for (let start = 0; start < chunk.length; start += pieceBytes) {
      const piece = chunk.subarray(start, start + pieceBytes);
      deliver(direction.send(piece.length) + delayMs, () => {
        to.write(piece, () => {
          underWayBytes -= piece.length;
          if (underWayBytes <= mostUnderWayBytes / 2) from.resume();
        });
      });
    }
  });
  from.on("end", () => {
    deliver(performance.now() + delayMs, () => to.end());
  });
  from.resume();
}
