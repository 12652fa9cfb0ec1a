import { describe, expect, test } from "vitest";
import { parseDrillRecord } from "../../../src/snapshots/drill-record.ts";
import type { DrillRequest } from "../../../src/drill/world.ts";
import { buildSnapshot } from "../../world/snapshot/snapshot.ts";
import {
  createDrillStep,
  drillNamespace,
  runDrill,
  runDrillPost,
  type DrillStep,
} from "../../world/memory-world/drill-step.ts";
import type { DrillTrouble } from "../../world/memory-world/drill-pod.ts";
import { createStep, runMain, type StageEnd } from "../../world/memory-world/step.ts";
import {
  controlPlane,
  hostedClusterRef,
  MemoryWorld,
  type MemoryWorldOptions,
} from "../../world/memory-world/world.ts";
import { outage } from "../fault.ts";
import { describeEnd } from "../trial.ts";

/** A cluster with one backup of last night. */
async function afterBackup(options: MemoryWorldOptions = {}): Promise<MemoryWorld> {
  const world = new MemoryWorld(options);
  const request = { quiesce: false, presign: false };
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world, request))))).toBe("green");
  return world;
}

function podsOf(world: MemoryWorld): number {
  return world.objects.list("pods", drillNamespace).length;
}

/** Everything of the living cluster, with the versions of its objects. */
function livingCluster(world: MemoryWorld): unknown {
  const { namespace, name } = hostedClusterRef;
  return [
    world.objects.find("hostedclusters", namespace, name),
    world.objects.list("statefulsets", controlPlane),
    world.objects.list("deployments", controlPlane),
    world.objects.list("pods", controlPlane),
  ];
}

interface Drilled {
  readonly world: MemoryWorld;
  readonly step: DrillStep;
  readonly end: StageEnd;
}

async function drillOnce(
  given: {
    readonly world?: MemoryWorld;
    readonly trouble?: DrillTrouble;
    readonly request?: Partial<DrillRequest>;
  } = {},
): Promise<Drilled> {
  const world = given.world ?? (await afterBackup());
  world.drills.trouble = given.trouble ?? {};
  const step = createDrillStep(world, given.request);
  const end = await world.timeline.play(runDrill(world, step));
  return { world, step, end };
}

/** What nobody may read in a log, a summary, or the objects of the management cluster. */
function findLeaks({ world, step }: Drilled): readonly string[] {
  const key = world.aesKey.toString("base64");
  const readable = [...step.lines, ...step.state.values(), JSON.stringify(world.objects.list("pods", undefined))].join(
    "\n",
  );
  return [key, world.bucket.signature].filter((secret) => readable.includes(secret));
}

test("the newest snapshot is started beside the living cluster, which is not touched, and its result stands beside the record", async () => {
  const world = await afterBackup();
  const before = livingCluster(world);
  const drilled = await drillOnce({ world });
  expect(describeEnd(drilled.end)).toBe("green");
  expect(livingCluster(world)).toEqual(before);
  const key = world.bucket.keys.find((name) => name.includes(".drill-")) ?? "";
  const { drillUri, rtoSeconds, phases } = drilled.step.report;
  expect(drillUri).toBe(`s3://backups/${key}`);
  const record = parseDrillRecord(world.bucket.read(key).toString());
  expect(record).toMatchObject({
    hostedCluster: hostedClusterRef,
    scripts: ["plain"],
    etcd: { version: "3.5.21" },
    secrets: { shown: true, read: 3, resources: ["secrets"], namespaces: 1 },
    rtoSeconds,
  });
  expect(phases.map(({ name }) => name)).toEqual([
    "pod started",
    "fetched",
    "restored",
    "etcd answers",
    "prediction met",
    "Secret served",
  ]);
  expect(phases.find(({ name }) => name === "fetched")?.seconds).toBe(0.9);
  expect(rtoSeconds).toBeCloseTo(
    phases.reduce((sum, { seconds }) => sum + seconds, 0),
    3,
  );
  expect(podsOf(world)).toBe(0);
  expect(findLeaks(drilled)).toEqual([]);
  // It went in by standard input.
  expect(world.drills.delivered).toHaveLength(1);
});

test("both ways of restoring are shown, and the time is that of the release's own", async () => {
  const { step, end } = await drillOnce({ request: { scripts: "both" } });
  expect(describeEnd(end)).toBe("green");
  const { phases, rtoSeconds = 0 } = step.report;
  expect(phases.filter(({ name }) => name === "restored").map(({ script }) => script)).toEqual(["bumped", "plain"]);
  const counted = phases.filter(({ script }) => script !== "bumped").reduce((sum, { seconds }) => sum + seconds, 0);
  expect(rtoSeconds).toBeCloseTo(counted, 3);
});

test.each(["etcd", "kube-apiserver"])(
  "a node that has to pull the image of %s for minutes makes no drill red",
  async (name) => {
    const { step, end } = await drillOnce({ trouble: { pullMs: { [name]: 150_000 } } });
    expect(describeEnd(end)).toBe("green");
    expect(step.report.secrets).toMatchObject({ shown: true });
  },
);

test("a second drill shows the first one, and nothing of it is overwritten", async () => {
  const { world } = await drillOnce();
  const { step, end } = await drillOnce({ world });
  expect(describeEnd(end)).toBe("green");
  expect(step.report.earlier).toHaveLength(1);
  expect(world.bucket.keys.filter((key) => key.includes(".drill-"))).toHaveLength(2);
});

describe("every fault has a code of its own, leaves no pod, no secret and no result, and the living cluster as it was", () => {
  const unrelated = buildSnapshot({
    compactRevision: 1,
    changes: [{ main: 2, key: "/kubernetes.io/configmaps/default/a", value: "k8s\0other" }],
  });
  test.each<[string, string, DrillTrouble]>([
    ["no node takes the pod", "drill-pod-unschedulable", { start: "unschedulable" }],
    ["an image cannot be pulled", "drill-image-missing", { start: "no image" }],
    ["the container cannot be made", "drill-pod-not-started", { start: "no start" }],
    ["etcd's container ends before anything was delivered", "drill-pod-lost", { start: "etcd ended" }],
    ["the store is not reached from the node", "drill-url-unreachable", { curl: 7 }],
    ["the store's certificate is not trusted there", "drill-url-untrusted", { curl: 60 }],
    ["the store refuses the URL", "drill-url-refused", { http: "403 refused" }],
    ["the URL has expired", "drill-url-refused", { http: "403 expired" }],
    ["the disk is full in the fetch", "drill-disk-full", { curl: 23 }],
    ["the disk is full in the restore", "drill-disk-full", { restore: "write: no space left on device" }],
    ["etcd's own hash refuses the snapshot", "drill-restore-failed", { restore: "expected sha256 [1 2], got [3 4]" }],
    ["etcd does not start", "drill-etcd-failed", { etcd: "panic: failed to recover v3 backend" }],
    ["etcd has another hash", "drill-differs", { hashKV: 1 }],
    ["etcd lacks a key", "drill-differs", { lostKey: true }],
    ["etcd lists keys for ever", "drill-differs", { endlessKeys: true }],
    ["another snapshot was fetched", "drill-differs", { fetched: unrelated }],
    ["the API server cannot decrypt", "drill-secrets-unreadable", { apiServer: "cannot decrypt" }],
    ["the node dies", "drill-pod-lost", { diesAt: "ask" }],
  ])("%s: %s", async (_, code, trouble) => {
    const world = await afterBackup();
    const before = livingCluster(world);
    const drilled = await drillOnce({ world, trouble });
    expect(describeEnd(drilled.end)).toMatch(new RegExp(`^red with ${code}\\b`));
    expect(podsOf(world)).toBe(0);
    expect(livingCluster(world)).toEqual(before);
    expect(world.bucket.keys.filter((key) => key.includes(".drill-"))).toEqual([]);
    expect(drilled.step.report).not.toHaveProperty("rtoSeconds");
    expect(findLeaks(drilled)).toEqual([]);
  });

  test.each([
    ["PodSecurity", 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'],
    ["the quota", "exceeded quota: restore-drill, requested: pods=1, used: pods=1, limited: pods=1"],
  ])("%s refuses the pod: pod-refused", async (_, refusal) => {
    const world = await afterBackup();
    world.podRefusal = refusal;
    const drilled = await drillOnce({ world });
    expect(describeEnd(drilled.end)).toMatch(/^red with pod-refused/);
    expect(world.drills.delivered).toEqual([]);
  });

  test("a key that is not the snapshot's is refused before a pod is made", async () => {
    const drilled = await drillOnce({ request: { encryptionKeys: [Buffer.alloc(32, 1)] } });
    expect(describeEnd(drilled.end)).toMatch(/^red with encryption-key-mismatch/);
    expect(drilled.step.report.podGone).toBeUndefined();
  });

  test("a snapshot that is damaged in the store is refused before a pod is made", async () => {
    const world = await afterBackup();
    world.bucket.damage(world.bucket.keys.find((key) => key.endsWith(".db")) ?? "");
    const drilled = await drillOnce({ world });
    expect(describeEnd(drilled.end)).toMatch(/^red with snapshot-changed/);
    expect(drilled.step.report.podGone).toBeUndefined();
  });
});

describe("beside others", () => {
  test("a hold that is taken meanwhile ends the drill", async () => {
    // A backup that is not over between two looks.
    const world = await afterBackup({ savedAfterMs: 20_000 });
    const backup = createStep(world);
    const step = createDrillStep(world);
    let held: Promise<StageEnd> | undefined;
    world.weather = ({ operation }) =>
      operation === "exec deliver"
        ? { fate: "answered", onEffect: () => void (held ??= runMain(world, backup)) }
        : undefined;
    world.drills.curlMs = 60_000;
    const end = await world.timeline.play(runDrill(world, step));
    expect(describeEnd(end)).toMatch(/^red with hosted-cluster-held/);
    expect(podsOf(world)).toBe(0);
    expect(describeEnd(await world.timeline.play(held ?? Promise.reject(new Error("nobody held it"))))).toBe("green");
  });

  test("a hosted cluster that is held, or upgraded, is not drilled", async () => {
    const world = await afterBackup();
    const history = [{ state: "Partial", version: "4.21.0", startedTime: "2026-11-22T05:00:00Z" }];
    world.objects.patch(
      "hostedclusters",
      "clusters",
      "example",
      { status: { version: { history } } },
      { subresource: "status" },
    );
    const { end } = await drillOnce({ world });
    expect(describeEnd(end)).toMatch(/^red with hosted-cluster-unsuitable/);
  });

  test("of two drills at once one is refused, and touches nothing of the other one", async () => {
    const world = await afterBackup();
    const [first, second] = [createDrillStep(world), createDrillStep(world)];
    const ends = await world.timeline.play(Promise.all([runDrill(world, first), runDrill(world, second)]));
    expect(ends.map(describeEnd).sort()).toEqual(["green", expect.stringMatching(/^red with drill-running/)]);
    expect(podsOf(world)).toBe(0);
  });

  test("the pod of a runner that died is removed by the next drill, and not before its deadline", async () => {
    const world = await afterBackup();
    const dead = createDrillStep(world);
    world.weather = ({ operation, machine }) =>
      operation === "exec ask" && machine === dead.machine
        ? {
            fate: "answered",
            onEffect: () => {
              dead.machine.kill();
            },
          }
        : undefined;
    expect(await world.timeline.play(runDrill(world, dead))).toEqual({ kind: "killed" });
    expect(podsOf(world)).toBe(1);
    expect(describeEnd((await drillOnce({ world })).end)).toMatch(/^red with drill-running/);
    await world.timeline.play(world.timeline.sleep(15 * 60_000));
    expect(describeEnd((await drillOnce({ world })).end)).toBe("green");
    expect(podsOf(world)).toBe(0);
  });
});

test("an API server that is away for 90 s while the pod works is waited for", async () => {
  const world = await afterBackup();
  world.weather = outage("cluster", 90_000, "reset", ({ operation }) => operation === "exec look");
  const { end } = await drillOnce({ world });
  expect(describeEnd(end)).toBe("green");
});

test("an image of the API server that cannot start so is told as not shown, with all that was", async () => {
  for (const trouble of [{ start: "no API server image" }, { apiServer: "ends" }, { apiServer: "silent" }] as const) {
    const { step, end } = await drillOnce({ trouble });
    expect(describeEnd(end)).toBe("green");
    expect(step.report.secrets).toMatchObject({ shown: false });
    expect(step.report.phases.map(({ name }) => name)).not.toContain("Secret served");
  }
});

test("the last words of an API server are for the debug log, and not for the phases of the summary", async () => {
  const { step } = await drillOnce({ trouble: { apiServer: "ends" } });
  expect(step.lines.filter((line) => line.includes("unknown flag"))).toEqual(["debug: its last words: unknown flag"]);
});

test("without the key the Secrets are not shown, and the etcd is", async () => {
  const { step, end } = await drillOnce({ request: { encryptionKeys: [] } });
  expect(describeEnd(end)).toBe("green");
  expect(step.report.secrets).toEqual({ shown: false, reason: "no key was given" });
});

describe("a runner that dies at any request of a drill", () => {
  test("leaves the living cluster as it was, and the post step removes the pod", async () => {
    const trial = async (struck: number): Promise<"done" | "struck"> => {
      const world = await afterBackup();
      const before = livingCluster(world);
      const sent = world.wire.requests.length;
      const step = createDrillStep(world);
      world.weather = ({ number, machine }) =>
        number === sent + struck && machine === step.machine
          ? {
              fate: "answered",
              onEffect: () => {
                machine.kill();
              },
            }
          : undefined;
      const end = await world.timeline.play(runDrill(world, step));
      if (end.kind === "green") return "done";
      expect(end.kind).toBe("killed");
      expect(describeEnd(await world.timeline.play(runDrillPost(world, step)))).toBe("green");
      expect({ struck, pods: podsOf(world) }).toEqual({ struck, pods: 0 });
      expect(livingCluster(world)).toEqual(before);
      return "struck";
    };
    let struck = 1;
    while ((await trial(struck)) === "struck") struck += 1;
    expect(struck).toBeGreaterThan(25);
  });
});

describe("one request of a drill that goes wrong", () => {
  test.each(["reset", "lost", "busy", "silent"] as const)(
    "%s: it is asked again, nothing stays, and the living cluster is as it was",
    async (fate) => {
      const ends = new Set<string>();
      const trial = async (struck: number): Promise<boolean> => {
        const world = await afterBackup();
        const before = livingCluster(world);
        const sent = world.wire.requests.length;
        const step = createDrillStep(world);
        world.weather = ({ number, service }) => {
          return number === sent + struck && service !== "state" ? { fate } : undefined;
        };
        const end = await world.timeline.play(runDrill(world, step));
        ends.add(describeEnd(end));
        expect({ struck, pods: podsOf(world) }).toEqual({ struck, pods: 0 });
        expect(livingCluster(world)).toEqual(before);
        return world.wire.requests.length >= sent + struck;
      };
      let struck = 1;
      while (await trial(struck)) struck += 1;
      expect(struck).toBeGreaterThan(25);
      expect([...ends]).toEqual(["green"]);
    },
  );
});
