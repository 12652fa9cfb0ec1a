import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** How a `snapshot save` is to go. */
export interface SaveManner {
  /** Bytes of the stream a second when so many are through; asked again and again while a save is under way. */
  readonly bytesPerSecond: (sentBytes: number) => number;
  /** Runs before the save reaches etcd; what it writes to etcd is in the snapshot. */
  readonly before: () => Promise<void>;
}

const pieceBytes = 1024;

/** A line between etcdctl and etcd that can be slow; TLS goes through it untouched. */
export interface SaveLine {
  readonly port: number;
  close(): void;
}

export async function startSaveLine(etcdPort: number, manner: SaveManner): Promise<SaveLine> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    sockets.add(near);
    near.on("error", () => near.destroy());
    near.pause();
    void open(near, etcdPort, manner, sockets);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function open(near: Socket, etcdPort: number, manner: SaveManner, sockets: Set<Socket>): Promise<void> {
  await manner.before();
  const far = connect(etcdPort, "127.0.0.1");
  sockets.add(far);
  far.on("error", () => near.destroy());
  far.on("close", () => near.end());
  near.on("close", () => far.destroy());
  near.pipe(far);
  const pass = passer(near, manner.bytesPerSecond);
  far.on("data", (chunk: Buffer) => {
    far.pause();
    void pass(chunk).then(() => far.resume());
  });
}

/** Sends what it is given in small pieces, each after the time that it needs by the speed of each moment. */
function passer(near: Socket, bytesPerSecond: SaveManner["bytesPerSecond"]): (chunk: Buffer) => Promise<void> {
  let sentBytes = 0;
  return async (chunk) => {
    for (let start = 0; start < chunk.length; start += pieceBytes) {
      const piece = chunk.subarray(start, start + pieceBytes);
      await passTime(piece.length, () => bytesPerSecond(sentBytes));
      near.write(piece);
      sentBytes += piece.length;
    }
  };
}

/** Takes the time that so many bytes need; for ever at a speed of 0. */
async function passTime(bytes: number, bytesPerSecond: () => number): Promise<void> {
  let left = bytes;
  let before = performance.now();
  while (left > 0 && bytesPerSecond() !== Infinity) {
    await delay(Math.min(10, (left / bytesPerSecond()) * 1000));
    const now = performance.now();
    left -= ((now - before) / 1000) * bytesPerSecond();
    before = now;
  }
}
