import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { at, numberAt, stringAt } from "../../../src/json-path.ts";
import { decryptSecret } from "../etcd/fill.ts";
import { restoreSnapshot } from "../etcd/restore.ts";
import { startManagementCluster, type ManagementCluster } from "../management-cluster/management-cluster.ts";
import { defaultSwitches } from "../management-cluster/switches.ts";
import { counterKey, parseCounter } from "../management-cluster/writers.ts";
import { openContract, rulesWithAdministrator, scale, waitFor, writers } from "./management-cluster/embedded.ts";
import { parseJson } from "./management-cluster/api-client.ts";
import { runExec, type ExecEnd } from "./management-cluster/exec-client.ts";
import type { ContractCluster } from "./management-cluster-contract.ts";

const atRest = {
  ...defaultSwitches,
  hypershiftOperator: "dead",
  controlPlaneOperator: "dead",
  drainMs: 300,
  startMs: 30,
} as const;
const etcdctl = [
  "etcdctl",
  "--endpoints=https://localhost:2379",
  "--cacert=/etc/etcd/tls/etcd-ca/ca.crt",
  "--cert=/etc/etcd/tls/client/etcd-client.crt",
  "--key=/etc/etcd/tls/client/etcd-client.key",
];

let cluster: ManagementCluster;
let contract: ContractCluster;
beforeAll(async () => {
  cluster = await startManagementCluster({ switches: atRest, rules: rulesWithAdministrator() });
  contract = await openContract(cluster);
});
afterAll(() => cluster.close());
afterEach(async () => {
  cluster.set(atRest);
  for (const writer of writers) scale(cluster, writer, 1);
  await cluster.waitUntilReady(20_000);
});

const run = (...command: readonly string[]): Promise<ExecEnd> => runExec(contract, { command });
const save = async (file: string): Promise<void> => {
  expect((await run(...etcdctl, "snapshot", "save", file)).status).toMatchObject({ status: "Success" });
};
const revisionOf = async (file: string): Promise<number> => {
  const end = await run("etcdctl", "snapshot", "status", file, "-w", "json");
  return numberAt(parseJson(end.stdout.toString()), "revision") ?? NaN;
};
const stop = (): void => {
  for (const writer of writers) scale(cluster, writer, 0);
};
const areGone = () => waitFor("no pod of a writer is left", () => cluster.pods("app!=etcd").length === 0);
const counts = (): readonly number[] => writers.map((writer) => cluster.acknowledged[writer]?.at(-1)?.count ?? 0);
const lastRevisions = (): readonly number[] =>
  writers.map((writer) => cluster.lastWrites[writer]?.at(-1)?.revision ?? Infinity);

describe("the writers", () => {
  it("write what etcd acknowledges, in order", async () => {
    const before = counts();
    await waitFor("each has written", () => counts().every((count, index) => count > (before[index] ?? 0) + 3));
    for (const writer of writers) {
      const [stored] = await cluster.etcd[0].client.list(counterKey(writer));
      const written = cluster.acknowledged[writer] ?? [];
      expect(parseCounter(stored?.value ?? Buffer.alloc(0))).toBeGreaterThanOrEqual(written.length - 1);
      expect(written.map(({ count }) => count)).toEqual(written.map((_, index) => index + 1));
      const revisions = written.map(({ revision }) => revision);
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
    }
  });

  it("write on while their pods end, and not when the last is gone", async () => {
    cluster.set({ drainMs: 2_000 });
    stop();
    await waitFor("the deployments count no pod", () =>
      writers.every((writer) => at(cluster.deployment(writer), "status", "replicas") === undefined),
    );
    const whileEnding = counts();
    await waitFor("each writes on", () => counts().every((count, index) => count > (whileEnding[index] ?? 0)));
    await areGone();
    const afterwards = counts();
    await delay(150);
    expect(counts()).toEqual(afterwards);
    expect(writers.map((writer) => cluster.lastWrites[writer]?.at(-1)?.count)).toEqual(afterwards);
  });

  it("are told apart by a snapshot: one taken too early lacks the last writes, one taken in time holds them", async () => {
    cluster.set({
      drainMs: 2_000,
      beforeSave: () => {
        stop();
        return Promise.resolve();
      },
    });
    await save("/var/lib/early.db");
    cluster.set({ beforeSave: undefined });
    await areGone();
    const quiet = await cluster.etcd[0].client.revision();
    await save("/var/lib/late.db");
    expect(await revisionOf("/var/lib/early.db")).toBeLessThan(Math.min(...lastRevisions()));
    expect(await revisionOf("/var/lib/late.db")).toBe(quiet);
    expect(quiet).toBeGreaterThanOrEqual(Math.max(...lastRevisions()));

    const restored = await restoreSnapshot({ file: cluster.container().pathOf("/var/lib/late.db") });
    try {
      for (const writer of writers) {
        const stored = await restored.client.get(counterKey(writer));
        expect(parseCounter(stored?.value ?? Buffer.alloc(0))).toBe(cluster.lastWrites[writer]?.at(-1)?.count);
      }
      for (const [key, plain] of cluster.filled.secrets) {
        const stored = await restored.client.get(key);
        expect(decryptSecret(stored?.value ?? Buffer.alloc(0), cluster.aesKey)).toEqual(plain);
      }
    } finally {
      await restored.close();
    }
    await run("rm", "/var/lib/early.db", "/var/lib/late.db");
  });

  it("of several pods end with the last of them", async () => {
    scale(cluster, "kube-apiserver", 3);
    await cluster.waitUntilReady(20_000);
    const stops = cluster.lastWrites["kube-apiserver"]?.length ?? 0;
    scale(cluster, "kube-apiserver", 1);
    await waitFor("two are gone", () => cluster.pods("app=kube-apiserver").length === 1);
    const [before = 0] = counts();
    await waitFor("it writes on", () => (counts()[0] ?? 0) > before + 1);
    expect(cluster.lastWrites["kube-apiserver"]).toHaveLength(stops);
    scale(cluster, "kube-apiserver", 0);
    await waitFor("the last is gone", () => cluster.pods("app=kube-apiserver").length === 0);
    expect(cluster.lastWrites["kube-apiserver"]).toHaveLength(stops + 1);
  });

  it.each([0, 10, 20, 30, 40, 50])("go on where a pod comes %i ms after the last was told to end", async (ms) => {
    cluster.set({ drainMs: 50 });
    const [before] = cluster.pods("app=kube-apiserver");
    scale(cluster, "kube-apiserver", 0);
    await waitFor("its pod ends", () => isEnding(cluster.pods("app=kube-apiserver")[0]));
    await delay(ms);
    scale(cluster, "kube-apiserver", 1);
    await waitFor("only another is left", () => {
      const names = cluster.pods("app=kube-apiserver").map((pod) => stringAt(pod, "metadata", "name"));
      return names.length === 1 && names[0] !== stringAt(before, "metadata", "name");
    });
    const [count = 0] = counts();
    await waitFor("it writes on", () => (counts()[0] ?? 0) > count + 1);
  });

  it("are looked at by their controller a moment after they were changed", async () => {
    const before = cluster.deployment("kube-apiserver");
    scale(cluster, "kube-apiserver", 0);
    const after = cluster.deployment("kube-apiserver");
    expect(at(after, "status")).toEqual(at(before, "status"));
    expect(numberAt(after, "metadata", "generation")).toBe((numberAt(before, "metadata", "generation") ?? NaN) + 1);
    expect(cluster.pods("app=kube-apiserver").some(isEnding)).toBe(false);
    await waitFor("it is looked at", () => cluster.pods("app=kube-apiserver").every(isEnding));
    const looked = cluster.deployment("kube-apiserver");
    expect(at(looked, "status", "observedGeneration")).toBe(at(looked, "metadata", "generation"));
  });

  it("tell that they have ended a moment before their pods are gone", async () => {
    const phases = new Set<string>();
    const countsThen: (readonly number[])[] = [];
    scale(cluster, "kube-apiserver", 0);
    await waitFor("no pod is left", () => {
      const pods = cluster.pods("app=kube-apiserver");
      for (const pod of pods) phases.add(stringAt(pod, "status", "phase") ?? "");
      if (pods.every((pod) => stringAt(pod, "status", "phase") === "Succeeded")) countsThen.push(counts().slice(0, 1));
      return pods.length === 0;
    });
    expect([...phases].filter((phase) => phase !== "Succeeded")).toEqual(["Running"]);
    expect(new Set(countsThen.map(String)).size).toBe(1);
  });
});

describe("a save", () => {
  it("holds a revision that nobody wrote where a lease ended before it", async () => {
    stop();
    await areGone();
    cluster.set({ leaseEndsBeforeSave: true });
    const before = await cluster.etcd[0].client.revision();
    await save("/var/lib/leased.db");
    expect(await revisionOf("/var/lib/leased.db")).toBe(before + 1);
    expect(await cluster.etcd[0].client.get("/kubernetes.io/events/default/leased")).toBeUndefined();
    await save("/var/lib/again.db");
    expect(await revisionOf("/var/lib/again.db")).toBe(before + 1);
    await run("rm", "/var/lib/leased.db", "/var/lib/again.db");
  });

  it("fails on a full volume with etcdctl's own words, and leaves nothing", async () => {
    cluster.set({ volumeFull: true });
    const end = await run(...etcdctl, "snapshot", "save", "/var/lib/full.db");
    expect(end.stderr).toContain("no space left on device");
    expect(at(end.status, "reason")).toBe("NonZeroExitCode");
    expect(
      cluster
        .container()
        .files()
        .filter((name) => name.startsWith("full")),
    ).toEqual([]);
    expect(await cluster.etcd[0].client.revision()).toBeGreaterThan(0);
  });

  it("can be slow, and does not see what is written meanwhile", async () => {
    let asked = 0;
    const databaseBytes = cluster.container().databaseBytes();
    cluster.set({
      saveBytesPerSecond: (sentBytes) => (sentBytes < 0.9 * databaseBytes ? Infinity : 0),
      beforeSave: async () => {
        asked = await cluster.etcd[0].client.put("/test/before", "1");
      },
    });
    const saving = save("/var/lib/slow.db");
    await waitFor("it has begun", () => cluster.container().newestSnapshotBytes() > 0);
    const later = await cluster.etcd[0].client.put("/test/meanwhile", "1");
    expect(cluster.container().files()).toContain("slow.db.part");
    cluster.set({ saveBytesPerSecond: Infinity });
    await saving;
    const revision = await revisionOf("/var/lib/slow.db");
    expect(revision).toBeGreaterThanOrEqual(asked);
    expect(revision).toBeLessThan(later);
    await run("rm", "/var/lib/slow.db");
  });

  it("finds the volume as big as it was told, less what is in it", async () => {
    cluster.set({ volumeSizeBytes: 1024 ** 3 });
    const read = async (): Promise<readonly number[]> => {
      const line = (await run("df", "-P", "-k", "/var/lib")).stdout.toString().trim().split("\n").at(-1) ?? "";
      return line.split(/\s+/).slice(1, 4).map(Number);
    };
    const [size = 0, used = 0, free = 0] = await read();
    expect([size, used + free]).toEqual([1024 ** 2, 1024 ** 2]);
    await run("truncate", "-s", "1", "/var/lib/sparse");
    await run("dd", "if=/dev/zero", "of=/var/lib/big", "bs=1M", "count=20", "status=none");
    expect((await read())[2]).toBeLessThan(free - 19 * 1024);
    await run("rm", "/var/lib/big", "/var/lib/sparse");
  });
});

function isEnding(pod: unknown): boolean {
  return at(pod, "metadata", "deletionTimestamp") !== undefined;
}
