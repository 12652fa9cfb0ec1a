import { describe, expect, it } from "vitest";
import { createClock } from "../../src/adapters/clock.ts";
import type { ActionError, ErrorCode } from "../../src/errors.ts";
import type { ManagementCluster } from "../../src/ports.ts";
import { kubeconfigToken } from "../unit/kubeconfig/kubeconfig-text.ts";
import {
  connectTo,
  refused,
  startScriptedApi,
  type ApiAnswer,
  type ApiScript,
  type ClusterOptions,
} from "./scripted-api.ts";
import { rejectedCode, rejection } from "./snapshot-store-contract.ts";

async function serve(script: ApiScript, options: ClusterOptions = {}) {
  const api = await startScriptedApi(script);
  return { api, cluster: connectTo(api.url, options) };
}

const ref = { namespace: "clusters", name: "example" };
/** A good answer to each of the calls. */
const found = {
  status: 200,
  body: { metadata: { ...ref, resourceVersion: "7" }, items: [], status: { allowed: true } },
};
const json = { "content-type": "application/json" };
const review = { verb: "get", group: "apps", resource: "deployments", namespace: "a", name: "b" } as const;

/** Every call of the port but exec, which is never sent again. */
const calls: Readonly<Record<string, (cluster: ManagementCluster) => Promise<unknown>>> = {
  readServerTime: (cluster) => cluster.readServerTime(),
  findHostedCluster: (cluster) => cluster.findHostedCluster(ref),
  findHostedControlPlane: (cluster) => cluster.findHostedControlPlane(ref),
  findDeployment: (cluster) => cluster.findDeployment(ref),
  findStatefulSet: (cluster) => cluster.findStatefulSet(ref),
  findSecret: (cluster) => cluster.findSecret(ref),
  listPods: (cluster) => cluster.listPods("clusters", { app: "etcd" }),
  findDeniedAccesses: (cluster) => cluster.findDeniedAccesses([review]),
  patchHostedCluster: (cluster) => cluster.patchHostedCluster(ref, { pausedUntil: null }),
  scaleDeployment: (cluster) => cluster.scaleDeployment(ref, 3),
};

/** How every call ends: its error, or undefined. */
async function failures(cluster: ManagementCluster): Promise<Readonly<Record<string, ActionError | undefined>>> {
  const ends = Object.entries(calls).map(([name, call]) =>
    call(cluster).then(
      () => [name, undefined] as const,
      (error: unknown) => [name, error as ActionError] as const,
    ),
  );
  return Object.fromEntries(await Promise.all(ends));
}

function codes(ends: Readonly<Record<string, ActionError | undefined>>): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(Object.entries(ends).map(([name, failure]) => [name, failure?.code]));
}

function all<T>(value: T): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.keys(calls).map((name) => [name, value]));
}

describe("every call", () => {
  it.each<[string, ApiAnswer | "reset"]>([
    ["408", refused(408, "Timeout")],
    ["429", { status: 429, body: "Too many requests, please try again later.\n" }],
    ["500", refused(500, "InternalError")],
    ["502 of a proxy", page(502)],
    ["503", refused(503, "ServiceUnavailable")],
    ["504", refused(504, "Timeout")],
    ["a reset", "reset"],
    ["an answer that is cut", { ...found, cutAt: 5 }],
  ])("is sent again as it was after %s, until it is answered", async (_title, fault) => {
    const { api, cluster } = await serve(({ count }) => (count < 3 ? fault : found));
    expect(codes(await failures(cluster))).toStrictEqual(all(undefined));
    const sent = api.requests.map(({ method, url, body }) => `${method} ${url.pathname}${url.search} ${body}`).sort();
    const once = [...new Set(sent)];
    expect(once).toHaveLength(Object.keys(calls).length);
    expect(sent).toStrictEqual(once.flatMap((request) => [request, request, request]));
  });

  it.each<[string, ErrorCode, ApiAnswer]>([
    ["400", "cluster-refused", refused(400, "BadRequest")],
    ["401", "cluster-unauthorized", refused(401, "Unauthorized")],
    ["403", "permission-missing", refused(403, "Forbidden")],
    ["405", "cluster-refused", refused(405, "MethodNotAllowed")],
    ["409", "hold-conflict", refused(409, "Conflict")],
    ["410", "cluster-refused", refused(410, "Expired")],
    ["415", "cluster-refused", refused(415, "UnsupportedMediaType")],
    ["422", "cluster-refused", refused(422, "Invalid")],
    ["404 without a name", "cluster-refused", refused(404, "NotFound")],
    ["404 about another object", "cluster-refused", refused(404, "NotFound", { name: "clusters" })],
    ["404 of a path that it does not serve", "cluster-unreachable", { status: 404, body: "404 page not found\n" }],
    ["404 of a load balancer", "cluster-unreachable", page(404)],
    ["403 of a firewall", "cluster-unreachable", page(403)],
    ["200 with a page", "cluster-unreachable", page(200)],
    ["200 with a page that says it is JSON", "cluster-unreachable", { ...page(200), headers: json }],
    [
      "200 with JSON that says it is a page",
      "cluster-unreachable",
      { ...found, headers: { "content-type": "text/html" } },
    ],
    ["200 without a type", "cluster-unreachable", { ...found, headers: { "content-type": "" } }],
    ["200 without a body", "cluster-unreachable", { status: 200, headers: json }],
    ["302 to a login", "cluster-unreachable", { status: 302, headers: { location: "https://localhost:1/" } }],
  ])("is sent once when the answer is %s", async (_title, code, answer) => {
    const { api, cluster } = await serve(() => answer);
    const ends = await failures(cluster);
    expect(codes(ends)).toStrictEqual(all(code));
    for (const failure of Object.values(ends)) {
      expect(failure?.message).not.toMatch(/undefined|html|\[object/);
      expect(failure?.hint).toMatch(/\w/);
    }
    expect(api.requests.map(({ count }) => count)).toStrictEqual(Object.values(all(1)));
  });

  it.each<[string, ApiAnswer | "reset"]>([
    ["503", refused(503, "ServiceUnavailable")],
    ["resets", "reset"],
  ])("fails when there is nothing but %s", async (_title, fault) => {
    const { cluster } = await serve(() => fault);
    expect(codes(await failures(cluster))).toStrictEqual(all("cluster-unreachable"));
  });

  it("does not outlast its time-out in a black hole", async () => {
    const { cluster } = await serve(() => "silence", { limits: { requestTimeoutMs: 100, requestTries: 2 } });
    const ends = await failures(cluster);
    expect(codes(ends)).toStrictEqual(all("cluster-unreachable"));
    for (const failure of Object.values(ends)) expect(failure?.message).toContain("ETIMEDOUT");
  });

  it("does not outlast its time-out when the answer never ends", async () => {
    const { cluster } = await serve(() => ({ ...found, headers: { ...json, "content-length": 1_000_000 } }), {
      limits: { requestTimeoutMs: 100, requestTries: 1 },
    });
    expect(codes(await failures(cluster))).toStrictEqual(all("cluster-unreachable"));
  });

  it("ends at once when its signal aborts in the middle of a silence", async () => {
    let controller = new AbortController();
    const { cluster } = await serve(() => {
      controller.abort();
      return "silence";
    });
    for (const call of Object.values(calls)) {
      controller = new AbortController();
      expect(await rejectedCode(call(cluster.withSignal(controller.signal)))).toBe("cancelled");
    }
  });

  it("ends at once when its signal aborts in the middle of a wait", async () => {
    const controller = new AbortController();
    const clock = createClock();
    const { cluster } = await serve(() => refused(503, "ServiceUnavailable"), {
      limits: { retryDelayMs: 600_000, retryDelayMaxMs: 600_000 },
      clock: {
        ...clock,
        sleep: (ms, signal) => {
          const slept = clock.sleep(ms, signal);
          controller.abort();
          return slept;
        },
      },
    });
    expect(await rejectedCode(cluster.withSignal(controller.signal).findDeployment(ref))).toBe("cancelled");
  });

  it("sends nothing when its signal has aborted before", async () => {
    const { api, cluster } = await serve(() => found);
    expect(codes(await failures(cluster.withSignal(AbortSignal.abort())))).toStrictEqual(all("cancelled"));
    expect(api.requests).toStrictEqual([]);
  });
});

function page(status: number): ApiAnswer {
  return { status, body: "<!DOCTYPE html><html>please log in</html>", headers: { "content-type": "text/html" } };
}

describe("an answer about something else is none", () => {
  it.each<[string, object]>([
    ["an object without fields", {}],
    ["an object without a name", { metadata: {}, spec: { replicas: 0 } }],
    ["another object", { metadata: { ...ref, name: "other" }, spec: {} }],
    ["a refusal that says it is a success", { kind: "Status", status: "Failure", message: "no" }],
    ["a list in place of one", { metadata: {}, items: null }],
  ])("%s", async (_title, body) => {
    const { cluster } = await serve(() => ({ status: 200, body }));
    const { readServerTime, findDeniedAccesses, ...others } = codes(await failures(cluster));
    // A time has no name; whoever is not told that he may, may not.
    expect([readServerTime, findDeniedAccesses]).toStrictEqual([undefined, undefined]);
    expect(new Set(Object.values(others))).toStrictEqual(new Set(["cluster-unreachable"]));
    expect(await cluster.findDeniedAccesses([review])).toStrictEqual([review]);
  });

  it("an answer without a Date tells no time", async () => {
    const { cluster } = await serve(() => ({ ...found, dateless: true }));
    expect(await rejectedCode(cluster.readServerTime())).toBe("cluster-refused");
  });
});

describe("what nobody may read", () => {
  const secret = "c2VjcmV0LWtleS1vZi1ldGNk";
  const spilling: readonly [string, ApiAnswer][] = [
    [
      "a refusal with a Secret in it",
      { status: 403, body: { kind: "Secret", message: secret, data: { key: secret } } },
    ],
    ["a Secret in place of a refusal", { status: 500, body: { kind: "Secret", data: { key: secret } } }],
    ["a refusal in a language of its own", { status: 422, body: `${secret} is wrong` }],
    ["another Secret than was asked for", { status: 200, body: { metadata: { name: secret }, data: { key: secret } } }],
    ["JSON that is cut", { status: 200, body: `{"data":"${secret}`, headers: { "content-type": "application/json" } }],
    ["a header", { ...refused(403, "Forbidden"), headers: { "x-secret": secret } }],
  ];
  it.each(spilling)("is not shown: %s", async (_title, answer) => {
    const lines: string[] = [];
    const { cluster } = await serve(() => answer, { onLine: (line) => lines.push(line) });
    for (const failure of Object.values(await failures(cluster)))
      if (failure) lines.push(`${failure.code} ${failure.message} ${failure.hint ?? ""}`);
    expect(lines.length).toBeGreaterThan(Object.keys(calls).length);
    expect(lines.join("\n")).not.toContain(secret);
    expect(lines.join("\n")).not.toContain(kubeconfigToken);
    expect(lines.join("\n")).not.toContain("Bearer");
  });

  it("goes nowhere with a redirect", async () => {
    const { api: other } = await serve(() => found);
    const { cluster } = await serve(() => ({ status: 307, headers: { location: `${other.url}/steal` } }));
    expect(await rejectedCode(cluster.findSecret(ref))).toBe("cluster-unreachable");
    expect(other.requests).toStrictEqual([]);
  });

  it("is cut out of a message that goes on and on", async () => {
    const body = { kind: "Status", message: "x".repeat(100_000) };
    const { cluster } = await serve(() => ({ status: 422, body }));
    expect((await rejection(cluster.scaleDeployment(ref, 1))).message.length).toBeLessThan(800);
  });
});
