import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, onTestFinished, test } from "vitest";
import { snapshotFile } from "../../src/pod/save.ts";
import { journalAnnotation, type Journal } from "../../src/hold/journal.ts";
import { startGithubApi, workflowRun } from "../world/github-api.ts";
import type { JsonObject } from "../world/management-cluster/json.ts";
import { rulesFromYaml } from "../world/management-cluster/rbac.ts";
import { findUnsettled } from "../world/settled.ts";
import type { World } from "../world/world.ts";
import { runInProcess } from "./in-process.ts";
import { isChange, isSave, isScaleUp } from "./requests.ts";
import { startScenario } from "./scenario.ts";

const rbacFile = new URL("../../docs/rbac.yaml", import.meta.url);
const nonce = "0123456789abcdef".repeat(2);

/** The journal of a run that holds the world's cluster, or held it. */
function journalOf(world: World, lastsMs: number, changes: Partial<Journal> = {}): Journal {
  return {
    v: 1,
    nonce,
    run: {
      repository: "example/clusters",
      runId: "6001",
      runAttempt: "1",
      url: "https://github.com/example/clusters/actions/runs/6001/attempts/1",
    },
    acquired: world.cluster.clock.timestamp(Math.min(lastsMs, 0) - 60_000),
    deadline: world.cluster.clock.timestamp(lastsMs),
    phase: "hold",
    original: { pausedUntil: null, replicas: { "kube-apiserver": 1, "openshift-apiserver": 1 } },
    members: ["etcd-0"],
    ...changes,
  };
}

/** Writes a journal and its pause as if its run had; with stopped API servers. */
function hold(world: World, text: string, pausedUntil: string | null): void {
  const metadata = { annotations: { [journalAnnotation]: text } };
  world.cluster.patch("hostedclusters", "clusters", "example", { metadata, spec: { pausedUntil } });
  world.cluster.set({ controlPlaneOperator: "dead" });
  for (const name of ["kube-apiserver", "openshift-apiserver"])
    world.cluster.patch("deployments", world.cluster.controlPlaneNamespace, name, { spec: { replicas: 0 } });
}

/** What a human does with a command that was printed. */
function type(world: World, command: string): void {
  const scale = /^oc scale deployment\/(\S+) -n (\S+) --replicas=(\d+)$/.exec(command);
  const patch = /^oc patch hostedcluster\/(\S+) -n (\S+) --type=merge -p '(.*)'$/.exec(command);
  const [, name = "", namespace = "", value = ""] = scale ?? patch ?? [];
  if (scale) world.cluster.patch("deployments", namespace, name, { spec: { replicas: Number(value) } });
  else if (patch) world.cluster.patch("hostedclusters", namespace, name, JSON.parse(value) as JsonObject);
  else throw new Error(`nobody can type ${command}`);
}

describe("what is alive is left alone", () => {
  test("A recovery beside a live backup says whose it is, and the backup becomes one", async () => {
    const world = await startScenario();
    const slow = { kind: "slow-body" as const, bytesPerSecond: 20 };
    world.store.faults.add({ on: "UploadPart", times: "always", action: slow });
    const backup = await world.start(world.backupInputs());
    const giveUpMs = performance.now() + 120_000;
    while (!world.cluster.requests.some(isSave) || world.store.openUploads(world.bucket).length === 0) {
      if (performance.now() > giveUpMs) throw new Error("the backup never came to its transfer");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const recovery = await world.run(world.recoverInputs(), { github: { runId: "7002" } });
    expect(recovery.outcome).toBe("success");
    expect(recovery.outputs).toEqual({ recovered: "false" });
    expect(recovery.log).toContain(
      "https://github.com/example/clusters/actions/runs/7001/attempts/1 holds clusters/example",
    );
    expect(recovery.summary).toContain("a run that is not known to be dead holds the hosted cluster");
    slow.bytesPerSecond = Number.POSITIVE_INFINITY;
    const result = await backup.result;
    expect(result.outcome).toBe("success");
    expect(await findUnsettled(world, result)).toEqual([]);
  });

  test("A live hold is not touched, and its commands for a human put everything back", async () => {
    const world = await startScenario();
    const journal = journalOf(world, 600_000);
    hold(world, JSON.stringify(journal), journal.deadline);
    const before = world.hosted();
    const result = await world.run(world.recoverInputs());
    expect(result.outcome).toBe("success");
    expect(result.outputs).toEqual({ recovered: "false" });
    expect(world.cluster.requests.filter(isChange)).toEqual([]);
    expect(world.hosted()).toEqual(before);
    expect(result.summary).toContain(journal.deadline);
    const commands = result.log.split("\n").filter((line) => line.includes("oc "));
    for (const command of commands) type(world, command.trim());
    expect(world.hosted()).toEqual(world.initial);
  });

  const answers: readonly (readonly [string, number, unknown, number])[] = [
    ["GitHub says that its run goes on", 200, workflowRun(6001, 1, "in_progress"), 0],
    ["GitHub speaks of another attempt", 200, workflowRun(6001, 2, "completed"), 0],
    ["the token may not read runs", 403, {}, 1],
  ];
  test("A live hold is not touched unless GitHub says that its run is over", async () => {
    const github = await startGithubApi();
    onTestFinished(() => github.close());
    const world = await startScenario();
    const journal = journalOf(world, 600_000);
    hold(world, JSON.stringify(journal), journal.deadline);
    const inputs = world.recoverInputs({ "github-token": "ghs_canary00000000000001" });
    for (const [title, status, body, warnings] of answers) {
      github.answer(status, body);
      const result = await runInProcess(world, inputs, { apiUrl: github.url });
      expect({ title, exitCode: result.exitCode }).toEqual({ title, exitCode: 0 });
      expect(result.annotations.filter(({ level }) => level === "warning")).toHaveLength(warnings);
    }
    expect(github.requests).toHaveLength(answers.length);
    expect(world.cluster.requests.filter(isChange)).toEqual([]);
  });

  test("GitHub is not asked for the run of another repository", async () => {
    const github = await startGithubApi();
    onTestFinished(() => github.close());
    github.answer(200, workflowRun(6001, 1, "completed"));
    const world = await startScenario();
    const url = "https://github.com/example/other/actions/runs/6001/attempts/1";
    const run = { repository: "example/other", runId: "6001", runAttempt: "1", url };
    const journal = journalOf(world, 600_000, { run });
    hold(world, JSON.stringify(journal), journal.deadline);
    const inputs = world.recoverInputs({ "github-token": "ghs_canary00000000000001" });
    const result = await runInProcess(world, inputs, { apiUrl: github.url });
    expect(result.outputs).toEqual({ recovered: "false" });
    expect(github.requests).toEqual([]);
  });
});

test("A journal that cannot be trusted is reported, and nothing is touched", async () => {
  const world = await startScenario();
  writeFileSync(world.cluster.container().pathOf(snapshotFile(nonce, 1)), "half of a snapshot");
  const dead = journalOf(world, -60_000);
  const odd: Readonly<Record<string, string>> = {
    "no JSON": "held by alice",
    "a newer version": JSON.stringify({ ...dead, v: 2 }),
    "another tool's": JSON.stringify({ holder: "other-tool" }),
    "a file under etcd's data": JSON.stringify({ ...dead, file: "/var/lib/data/member/snap/db" }),
    "a key of another cluster": JSON.stringify({ ...dead, key: "etcd/nightly/clusters/other/a.db" }),
    "no replicas": JSON.stringify({ ...dead, original: { pausedUntil: null, replicas: { "kube-apiserver": 0 } } }),
    "1000 replicas": JSON.stringify({ ...dead, original: { pausedUntil: null, replicas: { "kube-apiserver": 1000 } } }),
    "a deadline in 2099": JSON.stringify({ ...dead, deadline: "2099-01-01T00:00:00Z" }),
  };
  for (const [title, text] of Object.entries(odd)) {
    hold(world, text, null);
    const stored = world.store.requests.length;
    const result = await runInProcess(world, world.recoverInputs());
    expect({ title, exitCode: result.exitCode }).toEqual({ title, exitCode: 1 });
    expect(result.annotations).toMatchObject([{ level: "error", title: "journal-unreadable" }]);
    expect(result.log).toContain("oc patch hostedcluster/example -n clusters");
    expect(world.store.requests).toHaveLength(stored);
  }
  expect(world.cluster.requests.filter(isChange)).toEqual([]);
  expect(world.podFiles()).toHaveLength(1);
});

test("A recovery that may not scale says so before anything is touched", async () => {
  const rules = rulesFromYaml(readFileSync(rbacFile, "utf8"));
  const without = rules.filter(({ resources }) => !resources.includes("deployments/scale"));
  const world = await startScenario({ cluster: { rules: without } });
  const dead = journalOf(world, -60_000);
  hold(world, JSON.stringify(dead), dead.deadline);
  const result = await runInProcess(world, world.recoverInputs());
  expect(result.exitCode).toBe(1);
  expect(result.annotations).toMatchObject([{ level: "error", title: "permission-missing" }]);
  expect(result.annotations[0]?.message).toContain("deployments/scale");
  expect(world.cluster.requests.filter(isChange)).toEqual([]);
});

test("A hosted cluster that is deleted meanwhile needs nothing any more", async () => {
  const world = await startScenario();
  const dead = journalOf(world, -60_000);
  hold(world, JSON.stringify(dead), dead.deadline);
  const off = world.cluster.onRequest((request) => {
    if (!isScaleUp(request)) return;
    off();
    world.cluster.remove("hostedclusters", "clusters", "example");
  });
  const result = await world.run(world.recoverInputs());
  expect(result.outcome).toBe("success");
  expect(result.log).toContain("was deleted meanwhile");
  const gone = await runInProcess(world, world.recoverInputs());
  expect(gone.annotations).toMatchObject([{ level: "error", title: "hosted-cluster-not-found" }]);
});

test("API servers that stand at 0 without a journal are told, and left as someone may want them", async () => {
  const world = await startScenario();
  hold(world, "", null);
  world.cluster.patch("hostedclusters", "clusters", "example", {
    metadata: { annotations: { [journalAnnotation]: null } },
  });
  const result = await runInProcess(world, world.recoverInputs());
  expect(result.outcome).toBe("success");
  expect(result.annotations).toMatchObject([{ level: "warning" }]);
  expect(result.annotations[0]?.message).toContain("kube-apiserver, openshift-apiserver");
  expect(world.cluster.requests.filter(isChange)).toEqual([]);
});
