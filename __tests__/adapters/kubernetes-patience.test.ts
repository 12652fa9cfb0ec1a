import { describe, expect, it } from "vitest";
import {
  connectTo,
  impatientClock,
  refused,
  startScriptedApi,
  type ApiScript,
  type ClusterOptions,
} from "./scripted-api.ts";
import { rejectedCode } from "./snapshot-store-contract.ts";

async function serve(script: ApiScript, options: ClusterOptions = {}) {
  const api = await startScriptedApi(script);
  return { api, cluster: connectTo(api.url, options) };
}

const ref = { namespace: "clusters", name: "example" };
const found = { status: 200, body: { metadata: ref } };

describe("Retry-After", () => {
  it.each<[string, string, number]>([
    ["in seconds is waited for", "2", 2_000],
    ["of more than the longest wait is cut", "60", 5_000],
    ["of centuries is cut", "99999999999999999999", 5_000],
  ])("%s", async (_title, retryAfter, expectedMs) => {
    expect(await waitAfter(retryAfter)).toBe(expectedMs);
  });

  it.each(["0", "", "-5", "soon", "1.5", new Date(Date.now() + 3_600_000).toUTCString()])(
    "of %j makes the usual wait",
    async (retryAfter) => {
      const waitedMs = await waitAfter(retryAfter);
      expect(waitedMs).toBeGreaterThanOrEqual(125);
      expect(waitedMs).toBeLessThanOrEqual(250);
    },
  );

  async function waitAfter(retryAfter: string): Promise<number | undefined> {
    const clock = impatientClock();
    const { cluster } = await serve(
      ({ count }) =>
        count === 1 ? { ...refused(429, "TooManyRequests"), headers: { "retry-after": retryAfter } } : found,
      { clock, limits: { retryDelayMs: 250, retryDelayMaxMs: 5_000 } },
    );
    await cluster.findHostedCluster(ref);
    return clock.slept[0];
  }
});

it("waits longer each time, up to the longest wait", async () => {
  const clock = impatientClock();
  const { cluster } = await serve(() => "reset", {
    clock,
    limits: { requestTries: 12, retryDelayMs: 250, retryDelayMaxMs: 5_000 },
  });
  expect(await rejectedCode(cluster.findHostedCluster(ref))).toBe("cluster-unreachable");
  const fullMs = clock.slept.map((_, index) => Math.min(5_000, 250 * 2 ** index));
  clock.slept.forEach((ms, index) => {
    expect(ms).toBeGreaterThanOrEqual((fullMs[index] ?? 0) / 2);
    expect(ms).toBeLessThanOrEqual(fullMs[index] ?? 0);
  });
});

it("waits as long as its patience for a server that has answered before", async () => {
  const { api, cluster } = await serve(({ count }) => (count > 1 && count < 9 ? "reset" : found), {
    limits: { requestTries: 2, requestPatienceMs: 60_000 },
  });
  await cluster.findHostedCluster(ref);
  expect(await cluster.withSignal(new AbortController().signal).findHostedCluster(ref)).toBeDefined();
  expect(api.requests).toHaveLength(9);
});

it.each([401, 403])(
  "asks again when a server that was away answers %d, since it has not read its roles yet",
  async (status) => {
    const answers = ["reset", refused(status, "Forbidden"), refused(status, "Forbidden")] as const;
    const { cluster } = await serve(({ count }) => answers[count - 1] ?? found, { limits: { requestTries: 5 } });
    expect(await cluster.findHostedCluster(ref)).toBeDefined();
  },
);

it("believes a refusal when the server has been back for long", async () => {
  const { cluster } = await serve(({ count }) => (count === 1 ? "reset" : refused(403, "Forbidden")), {
    limits: { requestTries: 5, serverWarmUpMs: 0 },
  });
  expect(await rejectedCode(cluster.findHostedCluster(ref))).toBe("permission-missing");
});
