import { describe, expect, it } from "vitest";
import { exited, startScriptedExec, success, type ExecSession } from "./scripted-exec.ts";
import { rejection } from "./snapshot-store-contract.ts";

const v4 = { protocols: ["v4.channel.k8s.io"] };

/** Calls `heard` with all frames so far, as `channel:text`, at each of them. */
function listen({ webSocket }: ExecSession, heard: (frames: readonly string[]) => void): void {
  const frames: string[] = [];
  webSocket.on("message", (data: Buffer) => {
    frames.push(`${String(data[0])}:${data.subarray(1).toString("latin1")}`);
    heard(frames);
  });
}

/** Pieces that a test gives one after the other. */
async function* giveOnce(pieces: readonly string[], before: (index: number) => Promise<unknown>) {
  for (const [index, piece] of pieces.entries()) {
    await before(index);
    yield Buffer.from(piece);
  }
}

describe("standard input", () => {
  it("is asked for where a command gets one, and else not", async () => {
    const server = await startScriptedExec(({ play }) => {
      play([3, success], 1000);
    });
    await server.run({ input: [] });
    await server.run();
    expect(server.handshakes.map(({ url }) => new URL(url ?? "", "https://api").searchParams.get("stdin"))).toEqual([
      "true",
      null,
    ]);
  });

  it("goes out in its pieces, and ends by a CLOSE frame", async () => {
    let seen: readonly string[] = [];
    const server = await startScriptedExec((session) => {
      listen(session, (frames) => {
        seen = frames;
        if (frames.at(-1) === "255:\0") session.play([3, success], 1000);
      });
    });
    await server.run({ input: [Buffer.from("one"), Buffer.from("two\n")] });
    expect(seen).toEqual(["0:one", "0:two\n", "255:\0"]);
  });

  it("has no end in v4, which knows no CLOSE frame", async () => {
    let seen: readonly string[] = [];
    const server = await startScriptedExec((session) => {
      listen(session, (frames) => {
        seen = frames;
        // A frame of an end would be here by the time that a ping is answered.
        session.webSocket.ping();
      });
      session.webSocket.on("pong", () => {
        session.play([3, success], 1000);
      });
    }, v4);
    await server.run({ input: [Buffer.from("one")] });
    expect(seen).toEqual(["0:one"]);
  });

  it("goes on after an answer: a piece is sent when it is there", async () => {
    const answered = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const server = await startScriptedExec((session) => {
      listen(session, (frames) => {
        session.play([1, "."]);
        answered[frames.length - 1]?.resolve(undefined);
        if (frames.length === 3) session.play([3, success], 1000);
      });
    });
    const input = giveOnce(["a", "b"], async (index) => {
      if (index > 0) await answered[index - 1]?.promise;
    });
    expect((await server.run({ input })).stdout.toString()).toBe("...");
  });

  it("is not needed to its end by a command that ends before", async () => {
    const server = await startScriptedExec((session) => {
      listen(session, (frames) => {
        if (frames.length === 1) session.play([2, "no such file"], [3, exited(1)], 1000);
      });
    });
    const input = giveOnce(["a", "b"], (index) => (index === 0 ? Promise.resolve() : new Promise(() => undefined)));
    expect(await server.run({ input })).toMatchObject({ exitCode: 1, stderr: "no such file" });
  });

  it("that fails ends the command with that failure, and is not in any message", async () => {
    const server = await startScriptedExec(() => undefined);
    const failure = new Error("the input is lost");
    const input = giveOnce(["s3cret", "b"], (index) => (index === 0 ? Promise.resolve() : Promise.reject(failure)));
    await expect(server.run({ input })).rejects.toBe(failure);
    const cut = await startScriptedExec(({ play }) => {
      play("reset");
    });
    expect((await rejection(cut.run({ input: [Buffer.from("s3cret")] }))).message).not.toContain("s3cret");
  });
});
