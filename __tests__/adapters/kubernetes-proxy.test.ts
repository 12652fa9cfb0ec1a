import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ManagementCluster } from "../../src/ports.ts";
import { startConnectProxy, startSocksProxy, type ProxyOptions, type RunningProxy } from "./proxies.ts";
import { authority, connectTo, type ClusterOptions } from "./scripted-api.ts";
import { pod, startScriptedExec, success, type ExecServer } from "./scripted-exec.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

/** An API server, and its address under a name that only a proxy finds. */
async function startApi(): Promise<{ api: ExecServer; hidden: string }> {
  const api = await startScriptedExec(({ play }) => {
    play([1, "through"], [3, success], 1000);
  });
  return { api, hidden: `https://api.example.test:${new URL(api.url).port}` };
}

function exec(cluster: ManagementCluster): Promise<string> {
  return cluster.exec(pod, ["true"], { timeoutMs: 20_000 }).then(({ stdout }) => stdout.toString());
}

/** The server refuses every request, in its own words: it was reached. */
function request(cluster: ManagementCluster): Promise<string> {
  return rejectedCode(cluster.findDeployment({ namespace: "clusters", name: "example" }));
}

const unreachable = ["cluster-unreachable", "cluster-unreachable"];

type Start = (options?: ProxyOptions) => Promise<RunningProxy>;
type Use = (address: string) => ClusterOptions;

const kinds: readonly (readonly [string, Start, Use])[] = [
  [
    "the HTTP proxy of HTTPS_PROXY",
    startConnectProxy,
    (address) => ({ environment: { HTTPS_PROXY: `http://${address}`, NO_PROXY: "10.0.0.0/8,localhost" } }),
  ],
  [
    "the HTTP proxy of proxy-url",
    startConnectProxy,
    (address) => ({
      cluster: { "proxy-url": `http://${address}` },
      environment: { HTTPS_PROXY: "http://localhost:1", NO_PROXY: "*" },
    }),
  ],
  ["the SOCKS proxy of proxy-url", startSocksProxy, (address) => ({ cluster: { "proxy-url": `socks5://${address}` } })],
];

describe.each(kinds)("through %s", (_title, start, use) => {
  it("go requests and commands, and a name is looked up there", async () => {
    const { hidden } = await startApi();
    const proxy = await start();
    const cluster = connectTo(hidden, use(proxy.address));
    expect(await request(cluster)).toBe("cluster-refused");
    expect(await exec(cluster)).toBe("through");
    expect(proxy.targets).toStrictEqual([new URL(hidden).host, new URL(hidden).host]);
  });

  it("go its user and password, and nowhere else", async () => {
    const { api, hidden } = await startApi();
    const proxy = await start();
    const cluster = connectTo(hidden, use(`me%40work:pass%3Aword@${proxy.address}`));
    expect(await request(cluster)).toBe("cluster-refused");
    expect(await exec(cluster)).toBe("through");
    const decoded = proxy.credentials.map((given) => decodeBasic(given));
    expect(decoded).toStrictEqual(["me@work:pass:word", "me@work:pass:word"]);
    for (const { headers } of [...api.requests, ...api.handshakes])
      expect(JSON.stringify(headers)).not.toMatch(/proxy-auth|pass/);
  });

  it("goes nothing that is not encrypted for the API server", async () => {
    const { hidden } = await startApi();
    const proxy = await start();
    const cluster = connectTo(hidden.replace("api.", "other."), use(proxy.address));
    expect(await Promise.all([request(cluster), rejectedCode(exec(cluster))])).toStrictEqual(unreachable);
  });

  it("that refuses, nothing goes, and its password is not told", async () => {
    const { api, hidden } = await startApi();
    for (const refuse of ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"]) {
      const proxy = await start({ refuse });
      const lines: string[] = [];
      const options = { ...use(`user:hunter2@${proxy.address}`), onLine: (line: string) => lines.push(line) };
      const cluster = connectTo(hidden, options);
      for (const failure of await Promise.all([rejection(cluster.readServerTime()), rejection(exec(cluster))])) {
        expect(failure.code).toBe("cluster-unreachable");
        expect(failure.hint).toContain("HTTPS_PROXY");
        lines.push(failure.message, failure.hint ?? "");
      }
      expect(lines.join("\n")).not.toContain("hunter2");
    }
    expect([...api.requests, ...api.handshakes]).toStrictEqual([]);
  });

  it("that is not there, nothing goes", async () => {
    const cluster = connectTo("https://api.example.test:6443", use("localhost:1"));
    expect(await Promise.all([request(cluster), rejectedCode(exec(cluster))])).toStrictEqual(unreachable);
  });

  it("that hangs, a call does not outlast its time-out", async () => {
    const proxy = await start({ hang: true });
    const limits = { requestTimeoutMs: 200, requestTries: 2 };
    const cluster = connectTo("https://api.example.test:6443", { ...use(proxy.address), limits });
    for (const failure of await Promise.all([rejection(cluster.readServerTime()), rejection(exec(cluster))]))
      expect(failure.message).toContain("ETIMEDOUT");
  });

  it("that hangs, a call is cancelled at once", async () => {
    const proxy = await start({ hang: true });
    const cluster = connectTo("https://api.example.test:6443", {
      ...use(proxy.address),
      limits: { requestTimeoutMs: 600_000 },
    });
    const bound = cluster.withSignal(AbortSignal.timeout(100));
    expect(await Promise.all([request(bound), rejectedCode(exec(bound))])).toStrictEqual(["cancelled", "cancelled"]);
  });
});

it("a server of NO_PROXY is reached without the proxy", async () => {
  const { api } = await startApi();
  const proxy = await startConnectProxy();
  for (const [server, passedBy] of [
    [api.url, "other.test,localhost"],
    [api.url, "*"],
    [api.url.replace("localhost", "127.0.0.1"), "127.0.0.0/8"],
    [api.url.replace("localhost", "127.0.0.1"), "127.0.0.1"],
  ] as const) {
    const cluster = connectTo(server, {
      environment: { https_proxy: `http://${proxy.address}`, no_proxy: passedBy },
    });
    expect(await request(cluster)).toBe("cluster-refused");
    expect(await exec(cluster)).toBe("through");
  }
  expect(proxy.targets).toStrictEqual([]);
});

it("a proxy may speak TLS; it is not the server, and gets neither its name nor a client certificate", async () => {
  const trusted = getCACertificates("default");
  onTestFinished(() => {
    setDefaultCACertificates(trusted);
  });
  setDefaultCACertificates([authority.certificate]);
  const pair = await authority.issue({ commonName: "proxy" }, { names: ["localhost"] });
  const { hidden } = await startApi();
  const proxy = await startConnectProxy({ pair });
  const cluster = connectTo(hidden, {
    cluster: { "proxy-url": `https://${proxy.address}`, "tls-server-name": "api.example.test" },
  });
  expect(await request(cluster)).toBe("cluster-refused");
  expect(await exec(cluster)).toBe("through");
  expect(proxy.targets).toHaveLength(2);
});

function decodeBasic(given: string | undefined): string | undefined {
  return given?.startsWith("Basic ") === true ? Buffer.from(given.slice(6), "base64").toString() : given;
}
