import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { at, listAt, stringAt } from "../../../../src/json-path.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";
import { asUser, refusal } from "./api-client.ts";
import { channel, execPath, openExec, protocols, refusedExec, runExec, type ExecRequest } from "./exec-client.ts";

const success = { metadata: {}, status: "Success" };

/** Commands in a container, over WebSocket: refusals, frames, exit statuses. */
export function describeExec(open: () => ContractCluster): void {
  describe.concurrent("exec", () => {
    const command = ["true"];

    it("is refused before the connection is upgraded, with the API's own words", async () => {
      const { user, controlPlaneNamespace: namespace } = open();
      const forbidden = `pods "etcd-9" is forbidden: User "${user.name}" cannot get resource "pods/exec" in API group "" in the namespace "${namespace}"`;
      const { administrator } = open();
      for (const [request, expected] of [
        [{ command, credentials: { token: "not-a-token" } }, refusal(401, "Unauthorized", "Unauthorized")],
        [{ command, pod: "etcd-9" }, refusal(403, "Forbidden", forbidden, { name: "etcd-9", kind: "pods" })],
        [
          { command, pod: "etcd-9", credentials: administrator },
          refusal(404, "NotFound", 'pods "etcd-9" not found', { name: "etcd-9", kind: "pods" }),
        ],
        [{ command, container: "none" }, refusal(400, "BadRequest", "container none is not valid for pod etcd-0")],
      ] as readonly (readonly [ExecRequest, object])[]) {
        const answer = await refusedExec(open(), request);
        expect(answer.body).toEqual(expected);
        expect(answer.status).toBe(at(expected, "code"));
        expect(answer.headers["content-type"]).toBe("application/json");
        expect(Date.parse(answer.headers.date ?? "")).toBeGreaterThan(0);
      }
    });

    it("needs a container's name where the pod has several", async () => {
      const answer = await refusedExec(open(), { command, container: undefined });
      expect([answer.status, at(answer.body, "reason")]).toEqual([400, "BadRequest"]);
      // Init containers are named first, where the pod has some.
      expect(stringAt(answer.body, "message")).toMatch(
        /^a container name must be specified for pod etcd-0, choose one of: \[(?:[a-z-]+ )*etcd [a-z -]+\]$/,
      );
    });

    it("is no plain request", async () => {
      const answer = await asUser(open()).get(execPath(open(), { command }));
      expect(answer.body).toEqual(refusal(400, "BadRequest", "Upgrade request required"));
    });

    it("speaks the first protocol that both know, and no other", async () => {
      expect((await runExec(open(), { command })).protocol).toBe("v5.channel.k8s.io");
      expect((await runExec(open(), { command, protocols: ["v4.channel.k8s.io"] })).protocol).toBe("v4.channel.k8s.io");
      const answer = await refusedExec(open(), { command, protocols: ["v9.example.com"] });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
    });

    describe.each(protocols)("over %s", (protocol) => {
      const run = (...argv: readonly string[]) => runExec(open(), { command: argv, protocols: [protocol] });

      it("keeps the streams apart, and ends with the status of success", async () => {
        const end = await run("sh", "-c", 'printf "out\\000\\377\\n"; printf err >&2');
        expect(end.stdout).toEqual(Buffer.from("out\0\xff\n", "latin1"));
        expect(end.stderr).toBe("err");
        expect(end.status).toEqual(success);
        expect(end.closeCode).toBe(1000);
        const last = end.frames.at(-1);
        expect(last?.channel).toBe(channel.status);
        const known: readonly number[] = [channel.stdout, channel.stderr, channel.status];
        expect(end.frames.every((frame) => known.includes(frame.channel))).toBe(true);
        expect(end.frames.filter((frame) => frame.channel === channel.status)).toHaveLength(1);
      });

      it("says first that it is open, by an empty frame of standard output", async () => {
        const { frames } = await run("sh", "-c", "sleep 0.2; echo later >&2");
        expect(frames[0]).toEqual({ channel: channel.stdout, payload: Buffer.alloc(0) });
      });

      it.each([
        ["exit 3", "3"],
        ["exit 255", "255"],
        ["kill -9 $$", "137"],
        ["kill -15 $$", "143"],
        ["no-such-program", "127"],
      ])("tells the exit status of %j", async (script, exitCode) => {
        const end = await run("sh", "-c", `echo started; ${script}`);
        expect(end.stdout.toString()).toBe("started\n");
        const message = stringAt(end.status, "message");
        expect(message).toMatch(/^command terminated with non-zero exit code: /);
        expect(end.status).toEqual({
          metadata: {},
          status: "Failure",
          message,
          reason: "NonZeroExitCode",
          details: { causes: [{ reason: "ExitCode", message: exitCode }] },
        });
        expect(end.closeCode).toBe(1000);
      });

      it.each(["no-such-program", "/no/such/program"])(
        "has no exit status for %s, which is not there",
        async (program) => {
          const end = await run(program);
          expect(end.status).toMatchObject({ status: "Failure", reason: "InternalError", code: 500 });
          expect(stringAt(end.status, "message")).toMatch(
            /^Internal error occurred: .*(?:no such file or directory|executable file not found in \$PATH)/,
          );
          const causes = listAt(end.status, "details", "causes");
          expect(causes.some((cause) => stringAt(cause, "reason") === "ExitCode")).toBe(false);
          expect(end.stdout).toHaveLength(0);
        },
      );

      it("passes arguments on as they are", async () => {
        const argv = ["", "two words", "$HOME `id` 'q' \"d\" \\", "a&b=c+d%20e?#;", "line\nbreak\ttab", "é€𝄞", "--x=y"];
        const end = await run("printf", "[%s]", ...argv);
        expect(end.stdout.toString()).toBe(argv.map((argument) => `[${argument}]`).join(""));
      });

      it("has no standard input where none was asked for", async () => {
        const end = await run("cat");
        expect(end.status).toEqual(success);
      });

      it("loses nothing of a long output, also to a slow reader", async () => {
        const session = await openExec(open(), {
          command: ["sh", "-c", "seq 1 300000; seq 300001 600000"],
          protocols: [protocol],
        });
        session.socket.pause();
        await delay(300);
        session.socket.resume();
        const end = await session.ended;
        expect(end.status).toEqual(success);
        const expected = createHash("sha256");
        for (let line = 1; line <= 600_000; line += 1) expected.update(`${String(line)}\n`);
        expect(createHash("sha256").update(end.stdout).digest("hex")).toBe(expected.digest("hex"));
        expect(Math.max(...end.frames.map(({ payload }) => payload.length))).toBeLessThanOrEqual(1024 * 1024);
      });

      it("answers a ping while the command is silent", async () => {
        const session = await openExec(open(), { command: ["sleep", "0.5"], protocols: [protocol] });
        const pong = new Promise<string>((resolve) => {
          session.socket.on("pong", (data) => {
            resolve(
              `${data.toString()} before ${String(session.frames.some((frame) => frame.channel === channel.status))}`,
            );
          });
        });
        session.socket.ping("mark");
        expect(await pong).toBe("mark before false");
        expect((await session.ended).status).toEqual(success);
      });

      it("hands standard input on", async () => {
        const session = await openExec(open(), { command: ["head", "-c", "7"], stdin: true, protocols: [protocol] });
        session.send(channel.stdin, Buffer.of(0, 1, 255));
        session.send(channel.stdin, "");
        session.send(9, "not a stream");
        session.send(channel.stdin, "abcdef");
        const end = await session.ended;
        expect(end.stdout).toEqual(Buffer.from("\0\x01\xffabcd", "latin1"));
        expect(end.status).toEqual(success);
      });
    });

    it("ends standard input by a CLOSE frame, in v5 alone", async () => {
      const request = { command: ["cat"], stdin: true };
      const session = await openExec(open(), request);
      session.send(channel.stdin, "before");
      session.send(channel.close, Buffer.of(channel.stdin));
      const end = await session.ended;
      expect(end.stdout.toString()).toBe("before");
      expect(end.status).toEqual(success);

      const older = await openExec(open(), {
        ...request,
        command: ["head", "-c", "5"],
        protocols: ["v4.channel.k8s.io"],
      });
      older.send(channel.close, Buffer.of(channel.stdin));
      older.send(channel.stdin, "after");
      const olderEnd = await older.ended;
      expect(olderEnd.stdout.toString()).toBe("after");
    });
  });
}
