import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { at } from "../../../../src/json-path.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { channel, openExec, protocols, runExec, type ExecSession } from "./exec-client.ts";

/** How long a command lives, and what outlives it: what the action's detached save counts on. */
export function describeExecLifetime(open: () => ContractCluster): void {
  /** Runs a script in the container; `$1` is `file`. */
  const script = (text: string, file = ""): readonly string[] => ["sh", "-c", text, "script", file];
  const read = async (file: string): Promise<string> =>
    (await runExec(open(), { command: script('cat "$1" 2>/dev/null', file) })).stdout.toString();
  const waitForFile = async (file: string, content: string): Promise<void> => {
    const deadlineMs = performance.now() + 30_000;
    while ((await read(file)) !== content) {
      if (performance.now() > deadlineMs) throw new Error(`${file} did not become ${content}`);
      await delay(50);
    }
  };
  // Whoever goes away before the first frame may find that nothing was started.
  const started = async (session: ExecSession): Promise<void> => {
    while (!session.frames.some((frame) => frame.channel === channel.stdout && frame.payload.length > 0))
      await delay(5);
  };
  const newFile = (): string => `/tmp/contract-${randomBytes(8).toString("hex")}`;
  const waitForGo = 'until [ -e "$1.go" ]; do sleep 0.05; done';
  const go = (file: string) => runExec(open(), { command: script(': >"$1.go"', file) });
  const remove = (file: string) => runExec(open(), { command: ["rm", "-f", file, `${file}.go`] });

  describe.concurrent("a command in a container", () => {
    it.each(protocols)("goes on when its client is gone (%s)", async (protocol) => {
      const file = newFile();
      const session = await openExec(open(), {
        command: script(`echo started; ${waitForGo}; seq 1 1000; echo more >&2; echo -n done >"$1"`, file),
        protocols: [protocol],
      });
      await started(session);
      session.socket.terminate();
      expect((await session.ended).status).toBeUndefined();
      await go(file);
      await waitForFile(file, "done");
      await remove(file);
    });

    it.each([
      ["is lost", "v5.channel.k8s.io"],
      ["says goodbye, in v4,", "v4.channel.k8s.io"],
    ])("blocks for ever when its client %s and the pipe is full", async (how, protocol) => {
      const file = newFile();
      // The file's name in the format tells this command from any other.
      const write = `echo started; ${waitForGo}; echo -n writing >"$1"; seq -f "%.0f $1" 200000; echo -n done >"$1"`;
      const session = await openExec(open(), { command: script(write, file), protocols: [protocol] });
      await started(session);
      if (how === "is lost") session.socket.terminate();
      else session.socket.close(1000);
      await session.ended;
      await go(file);
      await waitForFile(file, "writing");
      await delay(500);
      expect(await read(file)).toBe("writing");
      const kill =
        'for p in /proc/[0-9]*; do case "$(tr "\\0" " " 2>/dev/null <"$p/cmdline")" in "seq "*"$1"*) kill -9 "${p#/proc/}";; esac; done';
      await runExec(open(), { command: script(kill, file) });
      await waitForFile(file, "done");
      await remove(file);
    });

    it("writes all it has when its client says goodbye, in v5", async () => {
      const file = newFile();
      const write = `echo started; ${waitForGo}; seq 1 200000; echo -n done >"$1"`;
      const session = await openExec(open(), { command: script(write, file) });
      await started(session);
      session.socket.close(1000);
      await session.ended;
      await go(file);
      await waitForFile(file, "done");
      await remove(file);
    });

    it("goes on when its client says goodbye, in v4", async () => {
      const file = newFile();
      const command = script(`echo started; ${waitForGo}; echo -n done >"$1"`, file);
      const session = await openExec(open(), { command, protocols: ["v4.channel.k8s.io"] });
      await started(session);
      session.socket.close(1000);
      await session.ended;
      await go(file);
      await waitForFile(file, "done");
      await remove(file);
    });

    it("is over at once where it left a child that holds no stream", async () => {
      const file = newFile();
      const detached = `( ${waitForGo}; echo -n child >"$1" ) </dev/null >/dev/null 2>&1 & echo parent`;
      const end = await runExec(open(), { command: script(detached, file) });
      expect(end.stdout.toString()).toBe("parent\n");
      expect(at(end.status, "status")).toBe("Success");
      await go(file);
      await waitForFile(file, "child");
      await remove(file);
    });

    it("is not over where a child holds its output", async () => {
      const end = await runExec(open(), { command: script("( sleep 0.5; echo child ) & echo parent") });
      expect(end.stdout.toString()).toBe("parent\nchild\n");
      expect(at(end.status, "status")).toBe("Success");
    });

    it("shares files and nothing else with another", async () => {
      const file = newFile();
      const [first, second] = await Promise.all([
        runExec(open(), { command: script('mine=1; echo -n first >"$1"; sleep 0.2; echo "$mine"', file) }),
        runExec(open(), { command: script('sleep 0.1; echo "$mine"; exit 4', file) }),
      ]);
      expect([first.stdout.toString(), second.stdout.toString()]).toEqual(["1\n", "\n"]);
      expect(at(second.status, "details", "causes", 0, "message")).toBe("4");
      expect(await read(file)).toBe("first");
      await remove(file);
    });

    it("starts in an environment of its own, as root of no home", async () => {
      const end = await runExec(open(), { command: script('echo "$HOME"; command -v etcdctl; id -u >/dev/null') });
      expect(end.stdout.toString()).toMatch(/^\/\n\/.*etcdctl\n$/);
    });
  });
}
