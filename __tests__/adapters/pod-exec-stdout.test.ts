import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { startScriptedExec, success, type ExecSession } from "./scripted-exec.ts";
import { rejectedCode } from "./snapshot-store-contract.ts";

const mebibyte = 1024 * 1024;

describe("standard output that somebody takes as it comes", () => {
  it("is not in the result, and may be longer than that may be", async () => {
    const server = await startScriptedExec(({ play }) => {
      play([1, Buffer.alloc(mebibyte, "a")], [2, "err"], [1, Buffer.alloc(mebibyte, "b")], [3, success], 1000);
    });
    const taken: Buffer[] = [];
    const onStdout = (bytes: Buffer): undefined => {
      taken.push(Buffer.from(bytes));
    };
    expect(await server.run({ onStdout })).toStrictEqual({ exitCode: 0, stdout: Buffer.alloc(0), stderr: "err" });
    expect(Buffer.concat(taken).toString()).toBe("a".repeat(mebibyte) + "b".repeat(mebibyte));
  });

  it("is all taken, in its order, before the command has ended", async () => {
    const letters = "abcdefghijklmnopqrstuvwxyz";
    const server = await startScriptedExec(({ play }) => {
      play(...letters.split("").map((letter): [number, string] => [1, letter]), [3, success], 1000);
    });
    let taken = "";
    await server.run({
      onStdout: async (bytes) => {
        await delay(Math.random() * 5);
        taken += bytes.toString();
      },
    });
    expect(taken).toBe(letters);
  });

  it("waits for who takes it, without being taken for silent", async () => {
    const limits = { execPingMs: 50, execStallMs: 1_500 };
    let session: ExecSession | undefined;
    const server = await startScriptedExec(
      (opened) => {
        session = opened;
        for (let frame = 0; frame < 64; frame += 1) opened.play([1, Buffer.alloc(mebibyte)]);
        opened.play([3, success], 1000);
      },
      { client: { limits } },
    );
    let leftBytes = 0;
    let sizeBytes = 0;
    await server.run({
      onStdout: async (bytes) => {
        if (sizeBytes === 0) await delay(2_500);
        leftBytes ||= session?.webSocket.bufferedAmount ?? 0;
        sizeBytes += bytes.length;
      },
    });
    // The kernel takes some of it.
    expect(leftBytes).toBeGreaterThan(32 * mebibyte);
    expect(sizeBytes).toBe(64 * mebibyte);
  });

  it("ends its command, and the connection, with the failure of who takes it", async () => {
    const closed = Promise.withResolvers<undefined>();
    const server = await startScriptedExec(({ socket, play }) => {
      socket.on("close", () => {
        closed.resolve(undefined);
      });
      play([1, "a"]);
    });
    const failure = new Error("no room for it");
    await expect(server.run({ onStdout: () => Promise.reject(failure) })).rejects.toBe(failure);
    await closed.promise;
  });

  it("is cut off where its connection is, also while it waits", async () => {
    const server = await startScriptedExec(({ play }) => {
      play([1, "a"], "reset");
    });
    expect(await rejectedCode(server.run({ onStdout: () => delay(300) }))).toBe("exec-interrupted");
  });
});
