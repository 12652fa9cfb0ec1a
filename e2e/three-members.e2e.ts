import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { titlesOf } from "../__tests__/scenario/refusal.ts";
import { renderedManifest } from "../__tests__/world/rendered-manifest.ts";
import type { RunningStep } from "../__tests__/world/runner/step.ts";
import { numberAt, stringAt } from "../src/json-path.ts";
import { testWhere } from "./everything.ts";
import { joiningMark } from "./hosted/etcd.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { findPodProcess } from "./hosted/pod-processes.ts";
import { corruptDatabase, etcdVolume } from "./hosted/volumes.ts";
import { expectSettled, startScenario, type Scenario } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

let scenario: Scenario;
let hosted: HostedCluster;

beforeAll(async () => {
  scenario = await startScenario("three-members");
  hosted = await scenario.startHostedCluster({ etcd: "3.6", members: 3 });
  await scenario.applyRbac();
});

beforeEach(() => hosted.settle());

afterAll(async () => {
  await hosted.end();
  await scenario.close();
});

test("A quiesced backup of etcd 3.6 with three members holds what all of them have", async () => {
  const result = await scenario.run(await scenario.backupInputs());
  expect(result.outcome).toBe("success");
  expect(result.outputs["etcd-version"]).toBe("3.6.5");
  const view = await viewEtcd(scenario.layout, hosted);
  const hashes = await view.hashes(Number(result.outputs["snapshot-revision"]));
  await view.close();
  expect(hashes).toHaveLength(3);
  expect(new Set(hashes).size).toBe(1);
  await expectSettled(scenario, hosted, 3);
});

test("An online backup of etcd 3.6 with three members keeps the writers running", async () => {
  const before = Object.keys(await hosted.acknowledged());
  const result = await scenario.run(await scenario.backupInputs({ quiesce: "false" }));
  expect(result.outcome).toBe("success");
  expect(Object.keys(await hosted.acknowledged())).toEqual(before);
  await expectSettled(scenario, hosted, 3);
});

function findEtcd(address: string): number | undefined {
  return findPodProcess(address, ([program]) => program === "/usr/bin/etcd");
}

interface LaggingRun {
  readonly step: RunningStep;
  readonly member: string;
  /** Of the last write to the others. */
  readonly revision: number;
  /** The member goes on. */
  readonly proceed: () => void;
}

/**
 * A backup that waits for its capture; the etcd that it is to capture has stood still since a writer was told to stop,
 * while the others were written to.
 */
async function startLaggingBackup(): Promise<LaggingRun> {
  const { admin } = scenario;
  const step = await scenario.start(await scenario.backupInputs());
  const isToldToStop = async (): Promise<boolean> => {
    const deployment = await admin.find("Deployment", hosted.controlPlaneNamespace, "openshift-apiserver");
    return numberAt(deployment, "spec", "replicas") === 0;
  };
  await waitUntil("a writer is told to stop", isToldToStop, { timeoutMs: 300_000, intervalMs: 20 });
  const { members } = await hosted.journal();
  const [member = ""] = members;
  const pod = await admin.find("Pod", hosted.controlPlaneNamespace, member);
  const address = stringAt(pod, "status", "podIP") ?? "";
  const pid = findEtcd(address);
  if (pid === undefined) throw new Error(`${member} has no etcd`);
  process.kill(pid, "SIGSTOP");
  const proceed = (): void => {
    process.kill(pid, "SIGCONT");
  };
  onTestFinished(proceed);
  const others = await viewEtcd(scenario.layout, hosted, address);
  await others.fill(8);
  const revision = await others.revision();
  await others.close();
  await step.waitForLog("Capture: open a snapshot", 300_000);
  return { step, member, revision, proceed };
}

test("A member that lags behind is captured when it has what the others have", async () => {
  const { step, member, revision, proceed } = await startLaggingBackup();
  await sleep(2_000);
  proceed();
  const result = await step.result;
  expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
  const record = await scenario.readRecord(result.outputs["record-uri"] ?? "");
  expect(record.snapshots[0]?.member.name).toBe(member);
  expect(Number(result.outputs["snapshot-revision"])).toBeGreaterThanOrEqual(revision);
  await expectSettled(scenario, hosted, 3, [result]);
});

test("A member that does not catch up gives no snapshot, and the API servers come back", async () => {
  const { step, proceed } = await startLaggingBackup();
  const stored = scenario.objectKeys();
  const result = await step.result;
  proceed();
  expect([titlesOf(result), result.post?.outcome]).toEqual([["snapshot-failed"], "success"]);
  expect(scenario.objectKeys()).toEqual(stored);
  await expectSettled(scenario, hosted, 3, [result]);
});

test("All three members are captured under one stop, and one record names the three snapshots", async () => {
  const result = await scenario.run(await scenario.backupInputs({ members: "all" }));
  expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
  const { snapshots, proofs } = await scenario.readRecord(result.outputs["record-uri"] ?? "");
  expect(snapshots.map(({ member }) => member.name)).toEqual(["etcd-0", "etcd-1", "etcd-2"]);
  expect(new Set(snapshots.map(({ hashKV }) => hashKV?.hash)).size).toBe(1);
  expect(proofs.membersAgree).toBe(true);
  const revisions = snapshots.map(({ revision }) => revision);
  expect(result.outputs["snapshot-revision"]).toBe(String(Math.max(...revisions)));
  await expectSettled(scenario, hosted, 3, [result]);
});

test("A member in whose file a value was changed is told from the others, and the run is red", async () => {
  const volume = etcdVolume(scenario.layout, hosted.controlPlaneNamespace, 2);
  const [right, wrong] = ["a value that all members have", "a value that one member lacks"];
  const view = await viewEtcd(scenario.layout, hosted);
  await view.put("/kubernetes.io/filler/changed", right);
  onTestFinished(async () => {
    await corruptDatabase(volume, { from: wrong, to: right });
    await view.close();
  });
  // A commit that is under way writes the value to another page: only what the member answers shows that it has changed.
  await waitUntil(
    "one member answers otherwise",
    async () => {
      await corruptDatabase(volume, { from: right, to: wrong });
      return new Set(await view.hashes(await view.revision())).size === 2;
    },
    { timeoutMs: 30_000 },
  );
  const result = await scenario.run(await scenario.backupInputs());
  expect([titlesOf(result), result.outcome]).toEqual([["members-diverged"], "failure"]);
  const { proofs } = await scenario.readRecord(result.outputs["record-uri"] ?? "");
  expect(proofs).toMatchObject({ trailer: true, readBack: true, structure: true, membersAgree: false });
  await expectSettled(scenario, hosted, 3, [result]);
});

testWhere(false)("A learner that nobody started counts for no quorum, and all voters are said to agree", async () => {
  const view = await viewEtcd(scenario.layout, hosted);
  const learner = await view.addLearner("etcd-3");
  onTestFinished(async () => {
    await view.removeMember(learner);
    await view.close();
  });
  const result = await scenario.run(await scenario.backupInputs({ quiesce: "false" }));
  expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
  const { proofs } = await scenario.readRecord(result.outputs["record-uri"] ?? "");
  expect(proofs.membersAgree).toBe(true);
  await expectSettled(scenario, hosted, 3, [result]);
});

testWhere(false)(
  "A pod whose member is a learner stops a backup, and with allow-unhealthy another member is captured",
  async () => {
    const { layout, admin } = scenario;
    const [, , address = ""] = await hosted.etcdAddresses();
    const view = await viewEtcd(layout, hosted, address);
    const { "etcd-2": voter = "" } = await view.memberIds();
    await view.removeMember(voter);
    const hasEnded = (): Promise<boolean> => Promise.resolve(findEtcd(address) === undefined);
    await waitUntil("the removed member has ended", hasEnded, { timeoutMs: 60_000 });
    // It may have been the leader, with which a proposal would be lost: a read waits for another one.
    await view.revision();
    const learner = await view.addLearner("etcd-2");
    const volume = etcdVolume(layout, hosted.controlPlaneNamespace, 2);
    await writeFile(join(volume, joiningMark), "");
    await rm(join(volume, "data"), { recursive: true });
    await admin.remove("Pod", hosted.controlPlaneNamespace, "etcd-2");
    onTestFinished(async () => {
      await rm(join(volume, joiningMark), { force: true });
      await waitUntil("the learner has a vote", () => view.promote(learner).then(() => true), { timeoutMs: 120_000 });
      await view.close();
    });
    await waitUntil("the learner runs", async () => (await view.memberIds())["etcd-2"] === learner, {
      timeoutMs: 120_000,
    });
    await rm(join(volume, joiningMark));
    const inputs = await scenario.backupInputs({ quiesce: "false" });
    const refused = await scenario.run(inputs);
    expect([titlesOf(refused), refused.outcome]).toEqual([["etcd-unhealthy"], "failure"]);
    // As HyperShift's own, the probe of the pod reads linearizably, which a learner cannot.
    expect(refused.annotations.map(({ message }) => message).join()).toContain("etcd-2");
    const result = await scenario.run({ ...inputs, "allow-unhealthy": "true" });
    expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
    expect(result.log).toContain("2 etcd members and the file have the same HashKV");
    const { snapshots } = await scenario.readRecord(result.outputs["record-uri"] ?? "");
    expect(snapshots.map(({ member }) => member.name)).not.toContain("etcd-2");
  },
);

testWhere(false)("With the alarm NOSPACE nothing is stopped, and nothing is stored", async () => {
  const view = await viewEtcd(scenario.layout, hosted);
  const { "etcd-1": memberId = "" } = await view.memberIds();
  const stored = scenario.objectKeys();
  await view.raiseNoSpace(memberId);
  onTestFinished(async () => {
    await view.disarm();
    await view.close();
  });
  const result = await scenario.run(await scenario.backupInputs());
  // With their alarm the members are not ready any more, so there may be several findings.
  expect(["etcd-unhealthy", "preflight-failed"]).toContain(result.outputs["error-code"]);
  expect(result.summary).toContain("never stopped");
  expect(scenario.objectKeys()).toEqual(stored);
  await view.disarm();
  await expectSettled(scenario, hosted, 3, [result]);
});

// The last one: its members are other ones.
testWhere(false)("Members that a restore made clusters of one each are refused", async () => {
  const backup = await scenario.run(await scenario.backupInputs());
  const source = await scenario.admin.find("HostedCluster", hosted.namespace, hosted.name);
  const text = renderedManifest(source ?? {})
    .replace("SingleReplica", "HighlyAvailable")
    .replace("4.20.0", "4.22.0");
  await writeFile(join(scenario.workspace, "cluster.yaml"), text);
  const inputs = scenario.restoreInputs(backup.outputs["snapshot-uri"] ?? "", hosted.encryptionKey, {
    manifest: "cluster.yaml",
    "allow-unsafe-restore": "etcd-would-split",
  });
  const rendered = await scenario.run(inputs);
  expect([titlesOf(rendered), rendered.outcome]).toEqual([[], "success"]);
  await hosted.close();
  await scenario.applyRendered(rendered);
  hosted = await scenario.startHostedCluster({ etcd: "3.6", members: 3, restore: "single" });
  // The rights went with the namespace.
  await scenario.applyRbac();
  const result = await scenario.run(await scenario.backupInputs({ "dry-run": "true" }));
  expect(result.outputs["error-code"]).toBe("etcd-unhealthy");
  expect(result.annotations.map(({ message }) => message).join()).toContain("are not one cluster");
});
