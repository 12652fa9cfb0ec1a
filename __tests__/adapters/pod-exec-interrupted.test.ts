import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ClusterLimits } from "../../src/adapters/kubernetes/connection.ts";
import {
  broken,
  exited,
  startScriptedExec,
  success,
  type ExecServerOptions,
  type ExecSession,
  type ExecStep,
} from "./scripted-exec.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

function play(steps: readonly ExecStep[], limits: Partial<ClusterLimits> = {}, options: ExecServerOptions = {}) {
  const script = (session: ExecSession): void => {
    session.play(...steps);
  };
  return startScriptedExec(script, { ...options, client: { limits } });
}

const expectedBytes = 8;

describe("a command whose end is not known is interrupted", () => {
  const lost = "error reading from error stream: read tcp 10.0.0.1:1: connection reset by peer";

  it.each<[string, readonly ExecStep[]]>([
    ["closed with 1000 and no status", [[1, "12345678"], 1000]],
    ["closed with 1001 and no status", [[1, "12345678"], 1001]],
    ["closed with 1011 and no status", [[1, "12345678"], 1011]],
    ["reset without a status", [[1, "12345678"], "reset"]],
    ["ended below the WebSocket", [[1, "12345678"], "end"]],
    ["ended before its first byte", ["end"]],
    ["with a byte too few, and success (kubernetes/kubernetes#124571)", [[1, "1234567"], [3, success], 1000]],
    ["with nothing, and success", [[3, success], 1000]],
    ["with a byte too many", [[1, "12345678"], [1, "9"], [3, success], 1000]],
    ["with far too much in one frame", [[1, Buffer.alloc(1024 * 1024)], [3, success], 1000]],
    ["with an error of the stream behind every byte", [[1, "12345678"], [3, broken(lost)], 1000]],
    ["with a status that cannot be read", [[1, "12345678"], [3, '{"status":"Succ'], 1000]],
    ["with a status that is empty", [[1, "12345678"], [3], 1000]],
    ["with a status of null", [[1, "12345678"], [3, "null"], 1000]],
    ["killed, as all is in a container that ends", [[1, "1234"], [3, exited(137)], 1000]],
    ["killed after its last byte", [[1, "12345678"], [3, exited(143)], 1000]],
    ["with a failure that has the exit code 0", [[1, "12345678"], [3, exited(0)], 1000]],
    ["with an exit code that is no number", [[1, "12345678"], [3, exited("many")], 1000]],
    ["with an exit code below 0", [[1, "12345678"], [3, exited(-1)], 1000]],
  ])("%s", async (_title, steps) => {
    const failure = await rejection((await play(steps)).run({ expectedBytes }));
    expect(failure.code).toBe("exec-interrupted");
    expect(failure.message).not.toMatch(/undefined|\[object/);
  });

  // So it is when a kubelet is restarted: the API server sends this.
  it.each<[string, readonly ExecStep[]]>([
    ["with nothing", []],
    ["with a part of its output", [[1, "12345678"]]],
  ])("ended well %s, and without the end that it prints itself", async (_title, steps) => {
    const server = await play([...steps, Buffer.concat([Buffer.of(3), Buffer.from(success)]), 1000]);
    const failure = await rejection(server.run());
    expect(failure.code).toBe("exec-interrupted");
    expect(failure.message).toContain("the end of its output did not come");
  });

  it.each<[string, number[]]>([
    ["in the middle of a frame", [0x82, 8, 1, 0x31, 0x32, 0x33]],
    ["in the middle of the head of a frame", [0x82]],
  ])("destroyed %s", async (_title, bytes) => {
    const server = await startScriptedExec(({ socket }) => {
      socket.write(Buffer.from(bytes), () => socket.destroy());
    });
    expect(await rejectedCode(server.run({ expectedBytes }))).toBe("exec-interrupted");
  });

  it.each<[string, number[]]>([
    ["of an unknown kind", [0x83, 1, 1]],
    ["with bits that nobody agreed on", [0xf2, 1, 1]],
    ["that is masked, as only a client's may be", [0x82, 0x81, 0, 0, 0, 0, 1]],
    ["of 4 GiB", [0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]],
    ["with a close code that does not exist", [0x88, 2, 0, 1]],
  ])("with a frame %s", async (_title, bytes) => {
    const server = await startScriptedExec(({ socket, play: send }) => {
      send([1, "1234"]);
      socket.write(Buffer.from(bytes));
    });
    expect(await rejectedCode(server.run({ expectedBytes }))).toBe("exec-interrupted");
  });

  it("with a text in place of bytes", async () => {
    const server = await startScriptedExec(({ webSocket, play: send }) => {
      webSocket.send("\u000112345678");
      send([3, success], 1000);
    });
    expect(await rejectedCode(server.run({ expectedBytes }))).toBe("exec-interrupted");
  });

  it("with more than 1 MiB when its length is not known", async () => {
    const server = await play([[1, Buffer.alloc(1024 * 1024)], [1, "1"], [3, success], 1000]);
    expect(await rejectedCode(server.run())).toBe("exec-interrupted");
  });

  it("when nothing comes, and pings are not answered", async () => {
    const server = await play([[1, "1234"]], { execPingMs: 20, execStallMs: 200 }, { pongs: false });
    expect((await rejection(server.run({ expectedBytes }))).message).toContain("nothing came for 0.2 s");
  });

  it("but not when it is only silent for longer than that", async () => {
    const server = await startScriptedExec(
      ({ play: send }) => {
        void delay(2_600).then(() => {
          send([1, "12345678"], [3, success], 1000);
        });
      },
      { client: { limits: { execPingMs: 50, execStallMs: 2_000 } } },
    );
    expect((await server.run({ expectedBytes })).stdout.toString()).toBe("12345678");
  });

  it("when it does not end within its time", async () => {
    const server = await play([[1, "12345678"]]);
    expect((await rejection(server.run({ expectedBytes, timeoutMs: 1_500 }))).message).toContain("within 1.5 s");
  });

  it("but not when it is only the closing that does not come within its time", async () => {
    const server = await play(
      [
        [1, "12345678"],
        [3, success],
      ],
      { execCloseMs: 60_000 },
    );
    expect((await server.run({ expectedBytes, timeoutMs: 1_500 })).exitCode).toBe(0);
  });

  it("and its connection is closed, so that no more of it comes", async () => {
    const closed = Promise.withResolvers<undefined>();
    const server = await startScriptedExec(({ socket, play: send }) => {
      socket.on("close", () => {
        closed.resolve(undefined);
      });
      send([1, "123456789"]);
    });
    expect(await rejectedCode(server.run({ expectedBytes }))).toBe("exec-interrupted");
    await closed.promise;
  });
});
