import { expect, onTestFinished, test } from "vitest";
import type { ErrorCode } from "../../src/errors.ts";
import { encryptionSecretName } from "../world/management-cluster/world-objects.ts";
import { findUnsettled } from "../world/settled.ts";
import type { World } from "../world/world.ts";
import { apiServersRow, expectRefusal, inProcesses } from "./refusal.ts";
import { isPause } from "./requests.ts";
import { shareScenario, startScenario } from "./scenario.ts";

const scenario = shareScenario();

/** Pauses as a human does, until the end of the test. */
function pause(world: World, pausedUntil: string): void {
  const set = (value: string | null): void => {
    world.cluster.patch("hostedclusters", "clusters", "example", { spec: { pausedUntil: value } });
  };
  set(pausedUntil);
  onTestFinished(() => {
    set(null);
  });
}

/** Gives the encryption Secret another key, or none; returns what gives it the right one back. */
function changeKey({ cluster }: World, key: Buffer | undefined): () => void {
  const set = (bytes: Buffer | undefined): void => {
    const data = { key: bytes?.toString("base64") ?? null };
    cluster.patch("secrets", "clusters", encryptionSecretName("example"), { data });
  };
  set(key);
  return () => {
    set(cluster.aesKey);
  };
}

test("A hosted cluster that is not there is named", async () => {
  const world = await startScenario({
    cluster: { user: "admin", rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] },
  });
  await expectRefusal(
    world,
    world.backupInputs({ "hosted-cluster": "other" }),
    {
      code: "hosted-cluster-not-found",
      names: "other",
      contact: "reads",
    },
    inProcesses,
  );
});

test.each(["true", "in an hour"])("A human's pause until %j is not touched", async (given) => {
  const world = scenario();
  const pausedUntil = given === "in an hour" ? world.cluster.clock.timestamp(3_600_000) : given;
  pause(world, pausedUntil);
  const result = await expectRefusal(world, world.backupInputs(), {
    code: "hosted-cluster-paused",
    names: pausedUntil,
    contact: "reads",
    expected: { pausedUntil },
  });
  expect(apiServersRow(result)).toBe("never stopped");
});

test.each([
  ["a past date", "2020-01-01T00:00:00Z"],
  ["false", "false"],
])("A pausedUntil that is %s is no pause, and is put back as it was", async (_, pausedUntil) => {
  const world = await startScenario({ cluster: { hostedClusterPatch: { spec: { pausedUntil } } } });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(world.cluster.requests.some(isPause)).toBe(true);
  expect(world.hosted().pausedUntil).toBe(pausedUntil);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("An API server that somebody stopped already stays stopped", async () => {
  const world = scenario();
  const stopped = "openshift-apiserver";
  const scale = (replicas: number): void => {
    world.cluster.patch("deployments", world.cluster.controlPlaneNamespace, stopped, { spec: { replicas } });
  };
  // HyperShift would start it again.
  world.cluster.set({ controlPlaneOperator: "dead" });
  scale(0);
  onTestFinished(async () => {
    scale(1);
    world.cluster.set({ controlPlaneOperator: "alive" });
    await world.cluster.waitUntilReady();
  });
  await expectRefusal(world, world.backupInputs(), {
    code: "writers-not-ready",
    names: stopped,
    contact: "reads",
    expected: { replicas: { ...world.initial.replicas, [stopped]: 0 } },
  });
});

const findings: readonly (readonly [
  what: string,
  names: string,
  code: ErrorCode,
  change: (world: World) => () => void,
])[] = [
  [
    "an etcd member that is not ready",
    "etcd-0",
    "etcd-unhealthy",
    ({ cluster }) => {
      cluster.set({ etcdReady: false });
      return () => {
        cluster.set({ etcdReady: true });
      };
    },
  ],
  [
    "too little space beside etcd",
    "etcd-0",
    "space-missing",
    ({ cluster }) => {
      const { volumeSizeBytes } = cluster.switches();
      cluster.set({ volumeSizeBytes: 1024 ** 3 });
      return () => {
        cluster.set({ volumeSizeBytes });
      };
    },
  ],
  ["an encryption Secret without its key", "key", "encryption-key-missing", (world) => changeKey(world, undefined)],
  ["an encryption key of 31 bytes", "31", "encryption-key-invalid", (world) => changeKey(world, Buffer.alloc(31, 7))],
];

test.each(findings)("Preflight finds %s", async (_, names, code, change) => {
  const world = scenario();
  onTestFinished(change(world));
  const result = await expectRefusal(world, world.backupInputs(), { code, names, contact: "reads" });
  expect(apiServersRow(result)).toBe("never stopped");
});

test("Preflight tells everything that it finds at once", async () => {
  const world = scenario();
  for (const [, , , change] of findings.slice(1)) onTestFinished(change(world));
  pause(world, "true");
  const result = await expectRefusal(
    world,
    world.backupInputs(),
    {
      code: "preflight-failed",
      names: "hosted-cluster-paused",
      contact: "reads",
      expected: { pausedUntil: "true" },
    },
    inProcesses,
  );
  const message = result.annotations.map((annotation) => annotation.message).join("\n");
  for (const code of ["hosted-cluster-paused", "space-missing", "encryption-key-invalid"])
    expect(message).toContain(code);
});

test("Preflight finds that the encryption Secret is missing", async () => {
  const world = await startScenario({ cluster: { encryptionSecret: "absent" } });
  await expectRefusal(world, world.backupInputs(), {
    code: "encryption-key-missing",
    names: encryptionSecretName("example"),
    contact: "reads",
  });
});

test("A max-pause that is too short for the API servers to stop in is refused with how much is missing", async () => {
  const world = await startScenario({ cluster: { gracePeriodSeconds: 400 } });
  const result = await expectRefusal(world, world.backupInputs({ "max-pause": "4m" }), {
    code: "input-invalid",
    // 400 s and the minute for the rest, of 240 s.
    names: "max-pause is 220 s too short",
    contact: "reads",
  });
  expect(apiServersRow(result)).toBe("never stopped");
});
