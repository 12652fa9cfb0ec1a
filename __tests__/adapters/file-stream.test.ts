import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import type { ClusterLimits } from "../../src/adapters/kubernetes/connection.ts";
import { streamFile } from "../../src/pod/file-stream.ts";
import type { Clock, Log } from "../../src/ports.ts";
import {
  broken,
  exited,
  startScriptedExec,
  success,
  type ExecServer,
  type ExecSession,
  type ExecStep,
} from "./scripted-exec.ts";
import { content, framesOfPart, partBytes, playStream, podFile, type PlayedStream } from "./scripted-pod.ts";
import { rejection } from "./snapshot-store-contract.ts";

const real = createClock();
/** Time for the reader passes so many times as fast. */
function hurry(times: number): Clock {
  return { ...real, nowMs: () => real.nowMs() * times, sleep: (ms, signal) => real.sleep(ms / times, signal) };
}
/** A minute of silence is 600 ms, which no busy machine lasts. */
const fast = hurry(100);
const silent = (): void => undefined;
const log: Log = { info: silent, warning: silent, debug: silent, group: (_title, run) => run() };

/** Serves the parts of `content`; `script` plays each stream, the first one has the number 0. */
async function serve(
  script: (session: ExecSession, number: number) => PlayedStream | undefined,
  { protocols, limits = {} }: { protocols?: readonly string[]; limits?: Partial<ClusterLimits> } = {},
) {
  const streams: (PlayedStream | undefined)[] = [];
  const server = await startScriptedExec(
    (session) => {
      streams.push(script(session, streams.length));
    },
    { client: { limits }, ...(protocols === undefined ? {} : { protocols }) },
  );
  return Object.assign(server, { streams });
}

interface Taking {
  /** What is done with a part before its bytes are let go. */
  readonly keep?: (index: number) => Promise<void>;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/** Reads the whole file, and says what came: in order, and part by part. */
async function read(server: ExecServer, { keep, clock = fast, signal = new AbortController().signal }: Taking = {}) {
  const inOrder: Buffer[] = [];
  const parts: Buffer[] = [];
  await streamFile({ cluster: server.cluster.withSignal(signal), clock, log, signal }, podFile, {
    inOrder: (bytes) => {
      inOrder.push(Buffer.from(bytes));
    },
    each: async ({ index }, bytes) => {
      await keep?.(index);
      parts[index] = Buffer.from(bytes);
    },
  });
  return { inOrder: Buffer.concat(inOrder), parts: Buffer.concat(parts) };
}

async function expectWhole(server: ExecServer, taking?: Taking): Promise<void> {
  const { inOrder, parts } = await read(server, taking);
  expect(inOrder.equals(content)).toBe(true);
  expect(parts.equals(content)).toBe(true);
}

/** The first stream goes wrong, those after it are whole. */
function onFirst(change: Parameters<typeof playStream>[1]) {
  return (session: ExecSession, number: number) => playStream(session, number === 0 ? change : undefined);
}

describe("a file in a pod comes whole, in the order of its bytes", () => {
  it.each([undefined, ["v4.channel.k8s.io"]])("over a few streams (%s)", async (protocols) => {
    const server = await serve((session) => playStream(session), protocols === undefined ? {} : { protocols });
    await expectWhole(server, { clock: real });
    expect(server.streams.length).toBeLessThanOrEqual(4);
    for (const stream of server.streams) expect(stream?.lines.at(-1)).toBe("end\n");
  });

  it("when the line of the next part is sent ahead, as soon as a part begins", async () => {
    const isLast = (): boolean => server.streams.some((stream) => stream?.lines.includes("40000 5000\n") === true);
    const server = await serve((session) => {
      let sent = Promise.resolve();
      const played: PlayedStream = playStream(session, ([first, ...rest], index) => {
        // The rest of a part comes when another was asked for.
        sent = sent.then(async () => {
          if (first !== undefined) session.play(first);
          while (played.lines.length < index + 2 && !isLast()) await delay(1);
          session.play(...rest);
        });
        return [];
      });
      return played;
    });
    await expectWhole(server, { clock: real });
  });

  it.each(Array.from({ length: 12 }, (_, frames) => frames))("when a stream is cut behind frame %i", async (cutAt) => {
    let sent = 0;
    const server = await serve(
      onFirst((frames) => {
        const left = frames.slice(0, Math.max(0, cutAt - sent));
        sent += frames.length;
        return sent > cutAt ? [...left, "reset"] : left;
      }),
    );
    await expectWhole(server);
    expect(server.streams.length).toBeGreaterThan(1);
  });

  it("when every stream is cut behind its first part", async () => {
    const server = await serve((session) => playStream(session, (frames) => [...frames.slice(0, 4), "reset"]));
    await expectWhole(server);
    expect(server.streams.length).toBeGreaterThanOrEqual(5);
  });

  it.each<[string, Parameters<typeof playStream>[1]]>([
    ["a frame is too long", (frames, index) => (index === 1 ? [Buffer.alloc(17 * 1024 * 1024, 1)] : frames)],
    ["a part ends early", (frames, index) => (index === 1 ? [...frames.slice(0, 2), ...frames.slice(3)] : frames)],
    ["a part lacks its last byte", (frames) => frames.map((frame, at) => (at === 2 ? shorten(frame) : frame))],
    [
      "a part is too long",
      (frames, index) => (index === 0 ? [...frames.slice(0, 3), [1, "x"], ...frames.slice(3)] : frames),
    ],
    ["a part comes twice", (frames, index) => (index === 0 ? [...frames, ...frames] : frames)],
    ["the parts change places", (frames, index) => (index === 0 ? otherPart(frames) : frames)],
    ["it ends well too early", (frames, index) => (index === 1 ? [[3, success], 1000] : frames)],
    ["it is over by its own time limit", (frames, index) => (index === 1 ? [[3, exited(124)], 1000] : frames)],
    ["its container ends between two parts", (frames, index) => (index === 1 ? [[3, exited(137)], 1000] : frames)],
    ["it ends with an error of the server", (frames, index) => (index === 1 ? [[3, broken("lost")], 1000] : frames)],
    ["a line of its input is lost", (frames, index) => (index === 1 ? [] : frames)],
    ["it stalls in a part, though it answers", (frames, index) => (index === 1 ? frames.slice(0, 2) : frames)],
  ])("when %s", async (_what, change) => {
    const server = await serve(onFirst(change));
    await expectWhole(server);
    expect(server.streams.length).toBeGreaterThan(1);
  });

  it("when a stream stalls in its third part, and does not answer", async () => {
    const server = await serve(
      onFirst((frames, index) => {
        if (index < 2) return frames;
        server.streams[0]?.session.socket.pause();
        return frames.slice(0, 1);
      }),
      { limits: { execPingMs: 20, execStallMs: 200 } },
    );
    await expectWhole(server, { clock: real });
    expect(server.streams.length).toBeGreaterThan(1);
  });

  it("when the pod is away for a while, and comes back with its volume", async () => {
    let away = 0;
    const server = await serve((session, number) => {
      if (number > 0 && away < 3) {
        away += 1;
        session.play([3, broken("container not found")], 1000);
        return undefined;
      }
      return playStream(
        session,
        number === 0 ? (frames, at) => (at === 1 ? [[3, exited(137)], 1000] : frames) : undefined,
      );
    });
    await expectWhole(server);
  });

  it.each<[string, readonly ExecStep[]]>([
    ["is lost", []],
    ["is lost with the connection", ["reset"]],
    ["tells a failure", [[3, exited(1)], 1000]],
  ])("also when the status behind the last byte %s", async (_what, steps) => {
    await expectWhole(await serve((session) => playStream(session, undefined, steps)));
  });
});

describe("a file in a pod that does not come", () => {
  it("is given up when one part is cut five times", async () => {
    const server = await serve((session) => playStream(session, (frames) => [...frames.slice(0, 1), "reset"]));
    expect((await rejection(read(server))).code).toBe("exec-interrupted");
  });

  it("is given up at once where the pod cannot read it", async () => {
    const server = await serve((session) => playStream(session, () => [[2, "dd: no such file"], [3, exited(1)], 1000]));
    const failure = await rejection(read(server));
    expect(failure.code).toBe("transfer-failed");
    expect(failure.message).toMatch(/reading \/var\/lib\/x\.db at byte \d+ in pod etcd-0 ended with 1$/);
  });

  it("ends with the failure of what takes it, and its streams with it", async () => {
    const closed: Promise<unknown>[] = [];
    const server = await serve((session) => {
      closed.push(new Promise((resolve) => session.socket.on("close", resolve)));
      return playStream(session);
    });
    const failure = new Error("the store is full");
    await expect(read(server, { keep: (index) => (index === 2 ? Promise.reject(failure) : delay(1)) })).rejects.toBe(
      failure,
    );
    await Promise.all(closed);
  });

  it("ends when it is cancelled", async () => {
    const controller = new AbortController();
    const server = await serve((session) => playStream(session, (frames) => frames.slice(0, 2)));
    void delay(100).then(() => {
      controller.abort();
    });
    expect((await rejection(read(server, { clock: real, signal: controller.signal }))).code).toBe("cancelled");
  });
});

describe("the number of streams", () => {
  it("stays at two where the first part takes long, and is four where it does not", async () => {
    const slow = await serve((session) => playStream(session));
    // By the reader's clock these are 15 s; a minute of silence is 3 s, and a busy machine is not yet a silent pod.
    await expectWhole(slow, { keep: (index) => delay(index < 2 ? 750 : 1), clock: hurry(20) });
    expect(slow.streams.length).toBe(2);
    const quick = await serve((session) => playStream(session));
    await expectWhole(quick, { keep: () => delay(1), clock: real });
    expect(quick.streams.length).toBeGreaterThan(2);
  });

  it("is the most that is held: a slow store lets the pods wait", async () => {
    const server = await serve((session) => playStream(session));
    let held = 0;
    let mostHeld = 0;
    await expectWhole(server, {
      clock: real,
      keep: async () => {
        held += 1;
        mostHeld = Math.max(mostHeld, held);
        await delay(20);
        held -= 1;
      },
    });
    expect(mostHeld).toBeLessThanOrEqual(4);
  });
});

function shorten(frame: ExecStep): ExecStep {
  return Array.isArray(frame) ? [1, Buffer.from(frame[1] ?? "").subarray(0, -1)] : frame;
}

/** The bytes of the part behind the one that was asked for, with its line. */
function otherPart(frames: readonly ExecStep[]): readonly ExecStep[] {
  const line = frames.at(-1);
  const offset = Array.isArray(line) ? Number(String(line[1]).split(" ")[1]) : 0;
  return framesOfPart(offset + partBytes, partBytes);
}
