import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createWorkflowRuns } from "../../src/adapters/github/workflow-runs.ts";
import type { Log } from "../../src/ports.ts";
import type { Environment } from "../../src/kubeconfig/proxies.ts";
import { createCertificateAuthority, type CertificateAuthority } from "../world/certificates.ts";
import { base64, kubeconfigText, refusal } from "../unit/kubeconfig/kubeconfig-text.ts";
import { startConnectProxy, startSocksProxy } from "./proxies.ts";
import { connectTo, startScriptedApi, type ClusterOptions } from "./scripted-api.ts";
import { pod } from "./scripted-exec.ts";
import { absent, startScriptedStore } from "./scripted-store.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";
import { openDuringTest, storeSettings } from "./test-store.ts";

const names = ["localhost", "127.0.0.1"];
const ref = { namespace: "clusters", name: "example" };
const found = { status: 200, body: { metadata: ref } };
afterEach(() => {
  vi.unstubAllEnvs();
});

async function startApi(issuer: CertificateAuthority) {
  return startScriptedApi(() => found, await issuer.issue({ commonName: "api" }, { names }));
}

async function startStore(issuer: CertificateAuthority) {
  return startScriptedStore(() => absent, await issuer.issue({ commonName: "store" }, { names }));
}

function openStore(endpoint: string, environment: Environment = {}) {
  const limits = { storeConnectMs: 5_000, storeRequestMs: 5_000, storeTries: 1 };
  return openDuringTest(storeSettings(endpoint, { limits }), { environment });
}

describe("promise 6: NODE_TLS_REJECT_UNAUTHORIZED=0 switches no check off", () => {
  beforeEach(() => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  });

  it.each<[string, () => Promise<ClusterOptions>]>([
    ["directly", () => Promise.resolve({})],
    [
      "through an HTTP proxy",
      async () => ({ environment: { HTTPS_PROXY: `http://${(await startConnectProxy()).address}` } }),
    ],
    [
      "through a SOCKS proxy",
      async () => ({ cluster: { "proxy-url": `socks5://${(await startSocksProxy()).address}` } }),
    ],
  ])("for the API server, %s", async (_title, use) => {
    const api = await startApi(await createCertificateAuthority("other"));
    const cluster = connectTo(api.url, await use());
    expect(await rejectedCode(cluster.findDeployment(ref))).toBe("cluster-unreachable");
    expect(await rejectedCode(cluster.exec(pod, ["true"], { timeoutMs: 10_000 }))).toBe("cluster-unreachable");
    expect(api.requests).toStrictEqual([]);
  });

  it.each<[string, () => Promise<Environment>]>([
    ["directly", () => Promise.resolve({})],
    ["through a proxy", async () => ({ HTTPS_PROXY: `http://${(await startConnectProxy()).address}` })],
  ])("for the store and a signed URL, %s", async (_title, use) => {
    const server = await startStore(await createCertificateAuthority("other"));
    const store = openStore(server.endpoint, await use());
    expect(await rejectedCode(store.findObject("a.db"))).toBe("store-unreachable");
    expect(await rejectedCode(store.tryUrl(`${server.endpoint}/backups/a.db?X-Amz-Signature=x`))).toBe(
      "store-unreachable",
    );
    expect(server.requests).toStrictEqual([]);
  });

  it("for a proxy that speaks TLS, which Node could not be made to check", () => {
    const environment = { NODE_TLS_REJECT_UNAUTHORIZED: "0" };
    const cluster = { "proxy-url": "https://proxy.example.test:3128" };
    const proxied = { ...environment, https_proxy: "https://proxy.example.test:3128" };
    const refused = [
      refusal(kubeconfigText({ cluster }), { environment }),
      refusal(kubeconfigText(), { environment: proxied }),
    ];
    for (const { code, message } of refused) {
      expect(code).toBe("input-invalid");
      expect(message).toContain("NODE_TLS_REJECT_UNAUTHORIZED");
    }
    expect(() => openStore("https://store.example.test", proxied)).toThrow("NODE_TLS_REJECT_UNAUTHORIZED");
  });

  it("for GitHub, which is not asked", async () => {
    const lines: string[] = [];
    const print = (line: string): void => void lines.push(line);
    const log: Log = { info: print, warning: print, debug: print, group: (_title, run) => run() };
    const url = "https://github.example.test/acme/fleet/actions/runs/";
    const own = { repository: "acme/fleet", workflow: "w", runId: "9", runAttempt: "1", url: `${url}9/attempts/1` };
    const runs = createWorkflowRuns("token", own, { log, environment: process.env });
    const run = { repository: "acme/fleet", runId: "17", runAttempt: "2", url: `${url}17/attempts/2` };
    expect(await runs.findRunState(run)).toBeUndefined();
    expect(lines).toStrictEqual([expect.stringContaining("NODE_TLS_REJECT_UNAUTHORIZED is 0")]);
  });
});

describe("field report 3: an authority that is not a root is trusted, as kubectl and curl do", () => {
  const given = async () => {
    const root = await createCertificateAuthority("root");
    const below = await root.issueAuthority("below the root");
    return { root, below };
  };

  it.each(["one below the root", "two below the root"])("for the API server and a command: %s", async (depth) => {
    const { below } = await given();
    const issuer = depth.startsWith("one") ? below : await below.issueAuthority("below that");
    const api = await startApi(issuer);
    const cluster = connectTo(api.url, { cluster: { "certificate-authority-data": base64(issuer.certificate) } });
    expect(await cluster.findDeployment(ref)).toBeDefined();
    // The scripted server knows no exec, but the request came through.
    await rejection(cluster.exec(pod, ["true"], { timeoutMs: 10_000 }));
    expect(api.requests.at(-1)?.url.pathname).toMatch(/\/exec$/);
  });

  it("for the store and a signed URL", async () => {
    const trusted = getCACertificates("default");
    onTestFinished(() => {
      setDefaultCACertificates(trusted);
    });
    const { below } = await given();
    setDefaultCACertificates([below.certificate]);
    const server = await startStore(below);
    const store = openStore(server.endpoint);
    expect(await store.findObject("a.db")).toBeUndefined();
    const url = `${server.endpoint}/backups/a.db?X-Amz-Signature=x`;
    expect(await rejectedCode(store.tryUrl(url))).toBe("snapshot-url-rejected");
  });

  it("but an authority that is missing in between is told", async () => {
    const { root, below } = await given();
    const api = await startApi(below);
    const cluster = connectTo(api.url, { cluster: { "certificate-authority-data": base64(root.certificate) } });
    const failure = await rejection(cluster.findDeployment(ref));
    expect(failure.hint).toContain("an authority is missing");
  });
});
