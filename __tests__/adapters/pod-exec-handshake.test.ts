import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { kubeconfigToken } from "../unit/kubeconfig/kubeconfig-text.ts";
import { startScriptedApi } from "./scripted-api.ts";
import {
  startScriptedExec,
  success,
  type ExecServer,
  type ExecServerOptions,
  type ExecSession,
} from "./scripted-exec.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

function serve(options: ExecServerOptions = {}, script: (session: ExecSession) => void = succeed) {
  return startScriptedExec(script, options);
}

function succeed({ play }: ExecSession): void {
  play([3, success], 1000);
}

/** Answers the handshake with this text in place of an upgrade. */
function answerWith(head: string, body = ""): ExecServerOptions {
  return {
    handshake: (socket) => {
      socket.end(`HTTP/1.1 ${head}\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\n\r\n${body}`);
    },
  };
}

function status(code: number, message: string): ExecServerOptions {
  return answerWith(`${String(code)} Status`, JSON.stringify({ kind: "Status", status: "Failure", message, code }));
}

describe("a handshake that is refused", () => {
  it.each<[string, ErrorCode, ExecServerOptions]>([
    ["400: no such container", "exec-failed", status(400, "container nobody is not valid for pod etcd-0")],
    ["401", "cluster-unauthorized", status(401, "Unauthorized")],
    ["403", "permission-missing", status(403, 'pods "etcd-0" is forbidden: User "u" cannot get resource "pods/exec"')],
    ["404: no such pod", "exec-failed", status(404, 'pods "etcd-0" not found')],
    ["404 of a load balancer", "cluster-unreachable", answerWith("404 Not Found", "default backend - 404")],
    ["403 of a firewall", "cluster-unreachable", answerWith("403 Forbidden", "<html>no WebSockets here</html>")],
    ["429", "cluster-unreachable", answerWith("429 Too Many Requests", "Too many requests, please try again later.")],
    ["500: its kubelet does not answer", "cluster-unreachable", status(500, "error dialing backend: timeout")],
    ["503", "cluster-unreachable", status(503, "apiserver is shutting down")],
    ["200", "cluster-unreachable", answerWith("200 OK", "<html>log in</html>")],
    ["no subprotocol", "exec-failed", { protocols: [] }],
    ["another subprotocol", "exec-failed", upgradeTo("Sec-WebSocket-Protocol: channel.k8s.io\r\n")],
    ["a wrong key", "cluster-unreachable", upgradeTo("", "AAAA")],
    ["no HTTP", "cluster-unreachable", raw("SSH-2.0-OpenSSH_9.6\r\n")],
    ["a reset", "cluster-unreachable", { handshake: (socket) => void socket.destroy() }],
    ["a cut in the middle of a refusal", "permission-missing", cutRefusal()],
    ["a refusal without end", "cluster-unreachable", endlessRefusal()],
  ])("with %s", async (_title, code, options) => {
    const server = await serve(options);
    const failure = await rejection(server.run());
    expect(failure.code).toBe(code);
    expect(failure.message).not.toMatch(/undefined|html|\[object/);
    expect(`${failure.message} ${failure.hint ?? ""}`).not.toContain(kubeconfigToken);
    // A command may have side effects: nobody but the caller sends it again.
    expect(server.handshakes).toHaveLength(1);
  });

  it("with 403 tells which of the two verbs is missing", async () => {
    for (const verb of ["get", "create"]) {
      const server = await serve(
        status(403, `pods "etcd-0" is forbidden: User "u" cannot ${verb} resource "pods/exec"`),
      );
      expect((await rejection(server.run())).hint).toContain(`grant ${verb} on pods/exec in clusters-example`);
    }
  });

  it("with 401 or 403 by a server that was away a moment ago is no lack of permission", async () => {
    for (const code of [401, 403]) {
      const refusal = status(code, "User cannot get resource");
      const away: readonly ExecServerOptions[] = [
        { handshake: (socket) => void socket.destroy() },
        status(503, "apiserver is shutting down"),
      ];
      for (const first of away) {
        let count = 0;
        const server = await serve({
          handshake: (socket, request) => {
            count += 1;
            (count === 1 ? first : refusal).handshake?.(socket, request);
          },
        });
        for (let tries = 0; tries < 2; tries += 1) expect(await rejectedCode(server.run())).toBe("cluster-unreachable");
      }
    }
  });

  it("with a redirect is not followed", async () => {
    const other = await startScriptedApi(() => ({ status: 200 }));
    const server = await serve(answerWith(`302 Found\r\nlocation: ${other.url}/steal`));
    expect(await rejectedCode(server.run())).toBe("cluster-unreachable");
    expect(other.requests).toStrictEqual([]);
  });

  function upgradeTo(header: string, key?: string): ExecServerOptions {
    return {
      handshake: (socket, request) => {
        const given = `${request.headers["sec-websocket-key"] ?? ""}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
        const accept = key ?? createHash("sha1").update(given).digest("base64");
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${header}\r\n`,
        );
      },
    };
  }

  function raw(text: string): ExecServerOptions {
    return { handshake: (socket) => void socket.end(text) };
  }

  function cutRefusal(): ExecServerOptions {
    const body = '{"kind":"Status","message":"no"}';
    return refuseThen(`content-length: 500\r\n\r\n${body}`, (socket) => void socket.destroy());
  }

  function endlessRefusal(): ExecServerOptions {
    const body = `{"kind":"Status","message":"no","more":"${"x".repeat(200_000)}`;
    return refuseThen(`content-length: 1000000000\r\n\r\n${body}`, () => undefined);
  }

  function refuseThen(rest: string, then: (socket: Duplex) => void): ExecServerOptions {
    return {
      handshake: (socket) => {
        socket.write(`HTTP/1.1 403 Forbidden\r\n${rest}`, () => {
          void delay(50).then(() => {
            then(socket);
          });
        });
      },
    };
  }
});

describe("a handshake that does not end", () => {
  const hang: ExecServerOptions = { handshake: () => undefined };

  it("is given up after the time of a request", async () => {
    const server = await serve({
      ...hang,
      client: { limits: { requestTimeoutMs: 200, execStallMs: 50, execPingMs: 10 } },
    });
    expect((await rejection(server.run())).message).toContain("ETIMEDOUT");
  });

  it("is given up after the time of the command when that is shorter", async () => {
    const server = await serve(hang);
    const failure = await rejection(server.run({ timeoutMs: 200 }));
    expect(failure.code).toBe("cluster-unreachable");
    expect(failure.message).toContain("ETIMEDOUT");
  });

  it("is given up when only the head of a refusal comes", async () => {
    const server = await serve({
      handshake: (socket) => {
        socket.write("HTTP/1.1 403 Forbidden\r\ncontent-length: 500\r\n\r\n{");
      },
      client: { limits: { requestTimeoutMs: 200 } },
    });
    expect(await rejectedCode(server.run())).toBe("cluster-unreachable");
  });

  it("is cancelled at once", async () => {
    const controller = new AbortController();
    const server = await serve({
      handshake: () => {
        controller.abort();
      },
    });
    const exec = server.cluster
      .withSignal(controller.signal)
      .exec({ namespace: "clusters-example", name: "etcd-0", container: "etcd" }, ["true"], { timeoutMs: 30_000 });
    expect(await rejectedCode(exec)).toBe("cancelled");
  });
});

describe("what a handshake asks for", () => {
  it("is one path, the container, both streams, and each argument as it is", async () => {
    const hostile = [
      "sh",
      "-c",
      'echo "$1"; exit',
      "",
      " ",
      "a b  c",
      "a&command=evil#x",
      "a;rm -rf /",
      "$(touch /tmp/x) `id` | cat > y",
      "line 1\nline 2\r\n\ttab",
      "+%2B%00",
      "\u00fcml\u00e4ut \u{1f600}",
      "--",
    ];
    let seen: readonly string[] = [];
    const server = await serve({}, (session) => {
      seen = session.argv;
      succeed(session);
    });
    await server.run({ argv: hostile });
    expect(seen).toStrictEqual(hostile);
    const [handshake] = server.handshakes;
    const url = new URL(handshake?.url ?? "", "https://api");
    expect(url.pathname).toBe("/api/v1/namespaces/clusters-example/pods/etcd-0/exec");
    url.searchParams.delete("command");
    expect(url.search).toBe("?container=etcd&stdout=true&stderr=true");
    expect(handshake?.method).toBe("GET");
    expect(handshake?.headers.authorization).toBe(`Bearer ${kubeconfigToken}`);
    expect(handshake?.headers["sec-websocket-protocol"]).toBe("v5.channel.k8s.io,v4.channel.k8s.io");
    expect(handshake?.headers["sec-websocket-extensions"]).toBeUndefined();
  });

  it.each([
    "..",
    ".",
    "",
    "etcd-0/../../secrets/key",
    "etcd-0/log?x=",
    "etcd-0?x=1#",
    "%2e%2e",
    "etcd-0\\..",
    "etcd-0\nhost: evil",
    "ETCD",
    "etcd\u0000",
    "-etcd",
    "a..b",
    "a".repeat(254),
  ])("never leaves with a name such as %j", async (name) => {
    const server = await serve();
    for (const pod of [
      { namespace: "clusters-example", name, container: "etcd" },
      { namespace: name, name: "etcd-0", container: "etcd" },
    ])
      expect(await rejectedCode(server.cluster.exec(pod, ["true"], { timeoutMs: 30_000 }))).toBe("cluster-refused");
    expect(server.handshakes).toStrictEqual([]);
  });
});

it("a command does not ride on a connection that was idle and may be forgotten", async () => {
  const server: ExecServer = await serve({}, succeed);
  const before = await rejection(server.cluster.listPods("clusters-example", {}));
  expect(before.code).toBe("cluster-refused");
  await server.run();
  const sockets = [...server.requests.map(({ socket }) => socket), ...server.handshakes.map(({ socket }) => socket)];
  expect(new Set(sockets).size).toBe(2);
});
