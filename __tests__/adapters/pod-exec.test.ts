import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { broken, exited, startScriptedExec, success, type ExecSession, type ExecStep } from "./scripted-exec.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

/** A server that sends these steps to whoever asks. */
function play(steps: readonly ExecStep[], protocols?: readonly string[]) {
  const script = (session: ExecSession): void => {
    session.play(...steps);
  };
  return startScriptedExec(script, protocols === undefined ? {} : { protocols });
}

const expectedBytes = 8;
const mebibyte = 1024 * 1024;
const empty = Buffer.alloc(0);

describe("the output of a command is whole", () => {
  it.each<[string, readonly ExecStep[]]>([
    ["in one frame", [[1, "12345678"], [3, success], 1000]],
    [
      "in frames of one byte, with those of standard error between them",
      [
        ...["1", "2", "3", "4", "5", "6", "7", "8"].flatMap((byte): ExecStep[] => [
          [1, byte],
          [2, "!"],
        ]),
        [3, success],
        1000,
      ],
    ],
    [
      "with empty frames, the ends of streams and unknown channels between them",
      [
        [1],
        empty,
        [1, "1234"],
        [7, "?"],
        [255, "\u0000"],
        empty,
        [1, "5678"],
        [255, "\u0001"],
        [255],
        [3, success],
        1000,
      ],
    ],
    [
      "when the status is there, and the closing is lost",
      [
        [1, "12345678"],
        [3, success],
      ],
    ],
    ["when the status is there, and the connection is reset", [[1, "12345678"], [3, success], "reset"]],
    ["when the status is there, and it closes in anger", [[1, "12345678"], [3, success], 1011]],
    ["when the last bytes come behind the status", [[1, "1234"], [3, success], [1, "5678"], 1000]],
    ["when a second status says otherwise", [[1, "12345678"], [3, success], [3, exited(1)], 1000]],
  ])("%s", async (_title, steps) => {
    for (const protocols of [["v5.channel.k8s.io", "v4.channel.k8s.io"], ["v4.channel.k8s.io"]]) {
      const { stdout, exitCode } = await (await play(steps, protocols)).run({ expectedBytes });
      expect(exitCode).toBe(0);
      expect(stdout.toString()).toBe("12345678");
    }
  });

  it("in a message of many fragments", async () => {
    const server = await startScriptedExec(({ webSocket, play: send }) => {
      webSocket.send(Buffer.from("\u00011"), { fin: false });
      for (const byte of "234567") webSocket.send(byte, { fin: false });
      webSocket.send("8", { fin: true });
      send([3, success], 1000);
    });
    expect((await server.run({ expectedBytes })).stdout.toString()).toBe("12345678");
  });

  it("in frames of 1 MiB", async () => {
    const bytes = Buffer.alloc(3 * mebibyte, "0123456789");
    const frames = [0, 1, 2].map((index): ExecStep => [1, bytes.subarray(index * mebibyte, (index + 1) * mebibyte)]);
    const server = await play([...frames, [3, success], 1000]);
    expect((await server.run({ expectedBytes: bytes.length })).stdout.equals(bytes)).toBe(true);
  });

  it("up to 1 MiB when its length is not known, and in no larger a buffer than it needs", async () => {
    const most = await play([[1, Buffer.alloc(mebibyte)], [3, success], 1000]);
    expect((await most.run()).stdout).toHaveLength(mebibyte);
    const few = await play([[1, "few"], [3, success], 1000]);
    expect((await few.run()).stdout.buffer.byteLength).toBeLessThan(mebibyte);
  });

  it("with the last 4 KiB of standard error", async () => {
    const server = await play([[2, "first ".repeat(1_000)], [2, `${"x".repeat(4_091)} last`], [3, success], 1000]);
    expect((await server.run()).stderr).toBe(`${"x".repeat(4_091)} last`);
  });
});

describe("a command that fails", () => {
  it.each([1, 2, 127, 255])("with %i says so, whatever came before", async (exitCode) => {
    const server = await play([[1, "123"], [2, "no space left on device"], [3, exited(exitCode)], 1000]);
    const result = await server.run({ expectedBytes });
    expect(result).toStrictEqual({ exitCode, stdout: Buffer.from("123"), stderr: "no space left on device" });
  });

  it.each([
    'Internal error occurred: error executing command in container: failed to exec in container: failed to start exec "a": OCI runtime exec failed: exec failed: unable to start container process: exec: "etcdctl": executable file not found in $PATH: unknown',
    'Internal error occurred: error executing command in container: exec failed: exec: "/bin/x": stat /bin/x: no such file or directory',
    "Internal error occurred: error executing command in container: executable file `etcdctl` not found in $PATH: No such file or directory",
    'Internal error occurred: unable to upgrade connection: container not found ("etcd")',
    "Internal error occurred: error executing command in container: container is not created or running",
    'Internal error occurred: error executing command in container: could not find container "1234"',
    "Internal error occurred: error executing command in container: container 1234 is not running",
  ])("to start is told from one that was cut: %s", async (message) => {
    const server = await play([[3, broken(message)], 1000]);
    expect(await rejectedCode(server.run())).toBe("exec-failed");
  });
});

it("a node that is away is told from a command that was cut, without the command that the API server repeats", async () => {
  const sent = 'error sending request: Post "https://10.0.0.1:10250/exec/a/etcd-0/etcd?command=sh&command=free_kib"';
  const server = await play([[3, broken(`${sent}: dial tcp 10.0.0.1:10250: connect: connection refused`)], 1000]);
  const { code, message } = await rejection(server.run({ expectedBytes }));
  expect(code).toBe("cluster-unreachable");
  expect(message).toContain("connect: connection refused");
  expect(message).not.toContain("free_kib");
});

describe("a command is cancelled at once", () => {
  const pod = { namespace: "clusters-example", name: "etcd-0", container: "etcd" };

  it("in the middle of its output, whose connection ends", async () => {
    const controller = new AbortController();
    const closed = Promise.withResolvers<undefined>();
    const server = await startScriptedExec(({ socket, play: send }) => {
      socket.on("close", () => {
        closed.resolve(undefined);
      });
      send([1, "1234"]);
      void delay(50).then(() => {
        controller.abort();
      });
    });
    const exec = server.cluster.withSignal(controller.signal).exec(pod, ["true"], { timeoutMs: 30_000 });
    expect(await rejectedCode(exec)).toBe("cancelled");
    await closed.promise;
  });

  it("before anything is sent", async () => {
    const server = await play([[3, success], 1000]);
    const exec = server.cluster.withSignal(AbortSignal.abort()).exec(pod, ["true"], { timeoutMs: 30_000 });
    expect(await rejectedCode(exec)).toBe("cancelled");
    expect(server.handshakes).toStrictEqual([]);
  });
});

it("memory stays flat over 64 commands of 8 MiB each", { timeout: 180_000 }, async () => {
  const lengthBytes = 8 * mebibyte;
  // As the API server frames it, in one piece: 32 KiB each, the first byte the channel.
  const frames = Array.from({ length: 256 }, () => [
    Buffer.from([0x82, 126, 0x80, 0x01, 1]),
    Buffer.alloc(32_768, "x"),
  ]);
  const stream = Buffer.concat(frames.flat());
  const server = await startScriptedExec(({ socket, play: send }) => {
    socket.write(stream);
    send([3, success], 1000);
  });
  let finished = 0;
  let settledBytes = 0;
  let mostBytes = 0;
  const worker = async (): Promise<void> => {
    while (finished < 64) {
      expect((await server.run({ expectedBytes: lengthBytes })).stdout).toHaveLength(lengthBytes);
      finished += 1;
      const residentBytes = process.memoryUsage.rss();
      if (finished === 16) settledBytes = residentBytes;
      mostBytes = Math.max(mostBytes, residentBytes);
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  expect(mostBytes - settledBytes).toBeLessThan(128 * mebibyte);
});
