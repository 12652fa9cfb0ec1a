import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** How a `snapshot save` is to go. */
export interface SaveManner {
  /** Bytes of the stream a second; Infinity: as fast as it goes. It may change while a save is under way. */
  readonly bytesPerSecond: () => number;
  /** Runs before the save reaches etcd; what it writes to etcd is in the snapshot. */
  readonly before: () => Promise<void>;
}

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
  far.on("data", (chunk: Buffer) => {
    near.write(chunk);
    far.pause();
    void passTime(chunk.length, manner.bytesPerSecond).then(() => far.resume());
  });
}

/** Takes the time that so many bytes need, by the speed of each moment. */
async function passTime(bytes: number, bytesPerSecond: SaveManner["bytesPerSecond"]): Promise<void> {
  let left = bytes;
  let before = performance.now();
  while (left > 0 && bytesPerSecond() !== Infinity) {
    await delay(Math.min(10, (left / bytesPerSecond()) * 1000));
    const now = performance.now();
    left -= ((now - before) / 1000) * bytesPerSecond();
    before = now;
  }
}
