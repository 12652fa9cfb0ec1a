import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import { afterAll, describe, expect, it } from "vitest";
import type { ManagementCluster } from "../../src/ports.ts";
import { createCertificateAuthority } from "../world/certificates.ts";
import { base64, kubeconfigToken, serviceAccountToken } from "../unit/kubeconfig/kubeconfig-text.ts";
import { startConnectProxy } from "./proxies.ts";
import { authority, connectTo, impatientClock, startScriptedApi, type ClusterOptions } from "./scripted-api.ts";
import { pod } from "./scripted-exec.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

// Read by Node once, at the first connection that needs the roots of the system.
const systemAuthority = await createCertificateAuthority("of the system");
const folder = mkdtempSync(join(tmpdir(), "roots-"));
const rootsFile = join(folder, "roots.pem");
writeFileSync(rootsFile, systemAuthority.certificate);
process.env["SSL_CERT_FILE"] = rootsFile;
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const ref = { namespace: "clusters", name: "example" };
const found = { status: 200, body: { metadata: ref } };
const notFound = { status: 404, body: { kind: "Status", reason: "NotFound", details: { name: ref.name } } };

function exec(cluster: ManagementCluster): Promise<unknown> {
  return cluster.exec(pod, ["true"], { timeoutMs: 20_000 });
}

describe("a server that cannot prove itself gets neither a request nor the token", () => {
  const names = ["localhost"];
  const yesterday = new Date(Date.now() - 86_400_000);
  const cases: readonly [string, () => Promise<{ certificate: string; privateKey: string }>, ClusterOptions][] = [
    [
      "its certificate is of another authority",
      async () => (await createCertificateAuthority("other")).issue({ commonName: "api" }, { names }),
      {},
    ],
    [
      "its certificate is of an authority that the system does not know",
      () => authority.issue({ commonName: "api" }, { names }),
      { cluster: { "certificate-authority-data": "" } },
    ],
    [
      "its certificate is of the system's authority, but the kubeconfig names another",
      () => systemAuthority.issue({ commonName: "api" }, { names }),
      {},
    ],
    [
      "its certificate has another name",
      () => authority.issue({ commonName: "localhost" }, { names: ["other.example.test"] }),
      {},
    ],
    [
      "its certificate has not the name of tls-server-name",
      () => authority.issue({ commonName: "api" }, { names }),
      { cluster: { "tls-server-name": "other.example.test" } },
    ],
    ["its certificate has expired", () => authority.issue({ commonName: "api" }, { names, notAfter: yesterday }), {}],
    ["its certificate is a client's", () => authority.issue({ commonName: "localhost" }), {}],
  ];
  it.each(cases)("%s", async (_title, issue, options) => {
    const api = await startScriptedApi(() => found, await issue());
    const clock = impatientClock();
    const cluster = connectTo(api.url, { ...options, clock });
    for (const failure of await Promise.all([rejection(cluster.findDeployment(ref)), rejection(exec(cluster))])) {
      expect(failure.code).toBe("cluster-unreachable");
      expect(failure.message).toMatch(/\((?:[A-Z_]*CERT[A-Z_]*|UNABLE_TO_[A-Z_]+|INVALID_PURPOSE)\)/);
      expect(failure.hint).toContain("certificate-authority-data");
    }
    expect(api.requests).toStrictEqual([]);
    // The next try would meet the same certificate.
    expect(clock.slept).toStrictEqual([]);
  });

  it("it speaks no TLS", async () => {
    // A proxy is the plain HTTP server that is at hand.
    const plain = await startConnectProxy();
    const cluster = connectTo(`https://${plain.address}`);
    expect(await rejectedCode(cluster.findDeployment(ref))).toBe("cluster-unreachable");
    expect(await rejectedCode(exec(cluster))).toBe("cluster-unreachable");
  });
});

describe("a server is trusted", () => {
  it("by the authority of the kubeconfig, under tls-server-name", async () => {
    const pair = await authority.issue({ commonName: "api" }, { names: ["inside.example.test"] });
    const api = await startScriptedApi(() => found, pair);
    const cluster = connectTo(api.url, { cluster: { "tls-server-name": "inside.example.test" } });
    expect(await cluster.findDeployment(ref)).toBeDefined();
  });

  it("by the authorities of the system, where the kubeconfig names none", async () => {
    const api = await startScriptedApi(
      () => found,
      await systemAuthority.issue({ commonName: "api" }, { names: ["localhost"] }),
    );
    const cluster = connectTo(api.url, { cluster: { "certificate-authority-data": "" } });
    expect(await cluster.findDeployment(ref)).toBeDefined();
  });

  it("at an address with a path", async () => {
    const api = await startScriptedApi(() => found);
    expect(await connectTo(`${api.url}/k8s/clusters/c-1/`).findDeployment(ref)).toBeDefined();
    expect(api.requests.map(({ url }) => url.pathname)).toStrictEqual([
      "/k8s/clusters/c-1/apis/apps/v1/namespaces/clusters/deployments/example",
    ]);
  });
});

describe("the server is told who asks", () => {
  function userOf({ socket }: { socket: unknown }): unknown {
    return socket instanceof TLSSocket && socket.authorized ? socket.getPeerCertificate().subject.CN : undefined;
  }

  it("by a client certificate alone", async () => {
    const pair = await authority.issue({ commonName: "etcd-backup" });
    const api = await startScriptedApi(() => found);
    const user = { "client-certificate-data": base64(pair.certificate), "client-key-data": base64(pair.privateKey) };
    await connectTo(api.url, { user }).findDeployment(ref);
    const [request] = api.requests;
    expect(request && userOf(request)).toBe("etcd-backup");
    expect(request?.headers.authorization).toBeUndefined();
  });

  it("by a token alone, and by both", async () => {
    const pair = await authority.issue({ commonName: "etcd-backup" });
    const api = await startScriptedApi(() => found);
    const token = serviceAccountToken({ sub: "etcd-backup" });
    await connectTo(api.url).findDeployment(ref);
    await connectTo(api.url, {
      user: {
        token,
        "client-certificate-data": base64(pair.certificate),
        "client-key-data": base64(pair.privateKey),
      },
    }).findDeployment(ref);
    expect(api.requests.map((request) => [request.headers.authorization, userOf(request)])).toStrictEqual([
      [`Bearer ${kubeconfigToken}`, undefined],
      [`Bearer ${token}`, "etcd-backup"],
    ]);
  });
});

describe("connections", () => {
  it("are used again for the next request", async () => {
    const api = await startScriptedApi(() => found);
    const cluster = connectTo(api.url);
    for (let count = 0; count < 3; count += 1) await cluster.findDeployment(ref);
    expect(new Set(api.requests.map(({ socket }) => socket)).size).toBe(1);
  });

  it("are not used again when they were idle for long enough to be forgotten by a firewall", async () => {
    const api = await startScriptedApi(() => found);
    const cluster = connectTo(api.url, { limits: { requestIdleMs: 50 } });
    await cluster.findDeployment(ref);
    await delay(400);
    await cluster.findDeployment(ref);
    expect(new Set(api.requests.map(({ socket }) => socket)).size).toBe(2);
  });

  it("outlast an answer that takes longer than they may be idle", async () => {
    const api = await startScriptedApi(({ count }) => ({ ...found, afterMs: count === 1 ? 0 : 400 }));
    const cluster = connectTo(api.url, { limits: { requestIdleMs: 50, requestTries: 1 } });
    for (let count = 0; count < 2; count += 1) expect(await cluster.findDeployment(ref)).toBeDefined();
  });

  it("that the server ended while they were idle cost a try, not the call", async () => {
    const api = await startScriptedApi(({ count, socket }) => {
      if (count === 1) void delay(20).then(() => socket.destroy());
      return found;
    });
    const cluster = connectTo(api.url);
    await cluster.scaleDeployment(ref, 1);
    for (let count = 0; count < 20; count += 1) {
      await delay(2);
      await cluster.scaleDeployment(ref, 1);
    }
  });

  it("are fresh once a call was cut off or cancelled, since those that were idle may hang as well", async () => {
    const hanging = new Set<unknown>();
    const api = await startScriptedApi(({ socket }) => (hanging.has(socket) ? "silence" : found));
    const cluster = connectTo(api.url, { limits: { requestTimeoutMs: 600_000 } });
    await Promise.all([cluster.findDeployment(ref), cluster.findDeployment(ref), cluster.findDeployment(ref)]);
    for (const { socket } of api.requests) hanging.add(socket);
    const cancelled = cluster.withSignal(AbortSignal.timeout(200));
    expect(await rejectedCode(cancelled.findDeployment(ref))).toBe("cancelled");
    expect(await cluster.withSignal(new AbortController().signal).findDeployment(ref)).toBeDefined();
  });

  it("are shared by all views of a cluster, whose signals are their own", async () => {
    const api = await startScriptedApi(() => found);
    const cluster = connectTo(api.url);
    for (let count = 0; count < 5; count += 1)
      await cluster.withSignal(new AbortController().signal).findDeployment(ref);
    await cluster.findDeployment(ref);
    expect(new Set(api.requests.map(({ socket }) => socket)).size).toBe(1);
    expect(await rejectedCode(cluster.withSignal(AbortSignal.abort()).findDeployment(ref))).toBe("cancelled");
    expect(await cluster.findDeployment(ref)).toBeDefined();
  });
});

it("an object is absent when the server says so, and only then", async () => {
  const api = await startScriptedApi(() => notFound);
  const cluster = connectTo(api.url);
  expect(await cluster.findHostedCluster(ref)).toBeUndefined();
  expect(await cluster.findSecret(ref)).toBeUndefined();
  expect(await rejectedCode(cluster.findDeployment({ ...ref, name: "other" }))).toBe("cluster-refused");
});
