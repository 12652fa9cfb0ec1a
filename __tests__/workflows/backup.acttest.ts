import { expect, test } from "vitest";
import { moments } from "../scenario/dying-backup.ts";
import { publishedAction } from "../../scripts/workflow-files.ts";
import { isScaleDown } from "../scenario/requests.ts";
import { startScenario } from "../scenario/scenario.ts";
import type { World } from "../world/world.ts";
import { runWorkflow, startWorkflow, type WorkflowResult } from "./act.ts";
import { findSecrets, repositorySettings } from "./example-world.ts";

const releaseImage = "quay.io/openshift-release-dev/ocp-release:4.20.5-x86_64";

function dispatch(world: World): Parameters<typeof startWorkflow>[2] {
  return {
    ...repositorySettings(world),
    event: "workflow_dispatch",
    payload: { inputs: { "release-image": releaseImage } },
  };
}

/** What is there of each snapshot: its file and its record. */
function storedKinds(world: World): readonly string[] {
  return world.objectKeys().map((key) => key.slice(key.lastIndexOf(".")));
}

test("nightly.yml saves a cluster without stopping anything", async () => {
  const world = await startScenario();
  const result = await runWorkflow(world, "nightly.yml", { ...repositorySettings(world), event: "schedule" });
  expect(result.exitCode).toBe(0);
  expect(storedKinds(world)).toEqual([".db", ".json", ".age"]);
  expect(world.cluster.requests.filter(isScaleDown)).toEqual([]);
  expect(world.hosted()).toEqual(world.initial);
  expect(listIssueCalls(result)).toEqual(["list"]);
  expect(result.log).toMatch(/\| example \| success \| \d+ \| \d+ \| {2}\| {2}\|/);
  expect(findSecrets(world, result)).toEqual([]);
});

test.each(["aws-kms.yml", "s3-compatible.yml"])("%s saves a cluster, with its key sealed", async (name) => {
  const world = await startScenario();
  const result = await runWorkflow(world, name, { ...repositorySettings(world), event: "schedule" });
  expect(result.exitCode).toBe(0);
  expect(storedKinds(world)).toEqual([".db", ".json", ".age"]);
  expect(world.hosted()).toEqual(world.initial);
  const started = world.store.requests.find(({ operation }) => operation === "CreateMultipartUpload");
  expect(started?.headers["x-amz-server-side-encryption"]).toBe(name === "aws-kms.yml" ? "aws:kms" : undefined);
  expect(findSecrets(world, result)).toEqual([]);
});

const open = JSON.stringify([
  { number: 6, title: "etcd backup of example-2 is missing" },
  { number: 7, title: "etcd backup of example is missing" },
]);

/** What was done about issues, in order. */
function listIssueCalls({ calls }: WorkflowResult): readonly (string | undefined)[] {
  return calls.filter(({ args }) => args[0] === "issue").map(({ args }) => args[1]);
}

test("nightly.yml closes the issue of a cluster that is saved again, and no other", async () => {
  const world = await startScenario();
  const settings = { ...repositorySettings(world), answers: { "gh issue list": open } };
  const result = await runWorkflow(world, "nightly.yml", { ...settings, event: "schedule" });
  expect(result.exitCode).toBe(0);
  expect(listIssueCalls(result)).toEqual(["list", "close"]);
  expect(result.calls.at(-1)?.args.slice(0, 3)).toEqual(["issue", "close", "7"]);
});

test("nightly.yml brings the issue of a cluster up to date that still cannot be saved", async () => {
  const world = await startScenario();
  world.store.accounts.clear();
  const settings = { ...repositorySettings(world), answers: { "gh issue list": open } };
  const result = await runWorkflow(world, "nightly.yml", { ...settings, event: "schedule" });
  expect(result.exitCode).toBe(1);
  expect(listIssueCalls(result)).toEqual(["list", "edit"]);
  expect(result.calls.at(-1)?.args.join(" ")).toMatch(/^issue edit 7 .*store-credentials-rejected/);
});

test("stale-backup.yml is green after a backup, and opens an issue where none has come for a day", async () => {
  const world = await startScenario();
  const settings = { ...repositorySettings(world), event: "schedule" as const };
  expect((await world.run(world.backupInputs({ quiesce: "false", presign: "false" }))).outcome).toBe("success");
  const fresh = await runWorkflow(world, "stale-backup.yml", settings);
  expect([fresh.exitCode, ...listIssueCalls(fresh)]).toEqual([0, "list"]);
  world.store.clockOffsetMs = 27 * 3_600_000;
  const stale = await runWorkflow(world, "stale-backup.yml", settings);
  expect([stale.exitCode, ...listIssueCalls(stale)]).toEqual([1, "list", "create"]);
  expect(stale.calls.at(-1)?.args.join(" ")).toContain("snapshot-stale");
});

test("nightly.yml opens an issue with the run's address when a cluster could not be saved", async () => {
  const world = await startScenario();
  world.store.faults.add({
    on: "UploadPart",
    times: "always",
    action: { kind: "answer", status: 403, code: "AccessDenied" },
  });
  const result = await runWorkflow(world, "nightly.yml", { ...repositorySettings(world), event: "schedule" });
  expect(result.exitCode).toBe(1);
  expect(world.objectKeys()).toEqual([]);
  expect(world.hosted()).toEqual(world.initial);
  expect(listIssueCalls(result)).toEqual(["list", "create"]);
  expect(result.log).toMatch(/\| example \| failure \| .* \| store-access-denied \|/);
  expect(result.calls.at(-1)?.args.join(" ")).toMatch(/https:\/\/github\.com\/example\/clusters\/actions\/runs\/\d+/);
});

test("before-upgrade.yml upgrades when the snapshot is there, and says what the way back is", async () => {
  const world = await startScenario();
  const result = await runWorkflow(world, "before-upgrade.yml", dispatch(world));
  expect(result.exitCode).toBe(0);
  expect(storedKinds(world)).toEqual([".db", ".json", ".age"]);
  expect(world.cluster.requests.some(isScaleDown)).toBe(true);
  expect(world.hosted()).toEqual(world.initial);
  const [snapshotKey = ""] = world.objectKeys();
  expect(result.log).toContain(`Snapshot before the upgrade: \`s3://${world.bucket}/${snapshotKey}\``);
  expect(result.log).toContain("Secret `example-etcd-encryption-key`");
  expect(result.calls).toMatchObject([{ program: "kubectl", kubeconfig: world.backupInputs()["kubeconfig"] }]);
  const [{ args } = { args: [] }] = result.calls;
  expect(args.slice(0, 3)).toEqual(["patch", "hostedcluster", "example"]);
  expect(JSON.parse(args.at(-1) ?? "")).toEqual({ spec: { release: { image: releaseImage } } });
  expect(findSecrets(world, result)).toEqual([]);
});

test("before-upgrade.yml upgrades nothing when the backup fails", async () => {
  const world = await startScenario();
  world.cluster.patch("hostedclusters", "clusters", "example", { spec: { pausedUntil: "true" } });
  const result = await runWorkflow(world, "before-upgrade.yml", dispatch(world));
  expect(result.exitCode).toBe(1);
  expect(result.log).toMatch(/::error title=/);
  expect(result.calls).toEqual([]);
});

test.each(["hold", "capture", "transfer"] as const)(
  "before-upgrade.yml: the post step puts the cluster back after a SIGKILL in the %s, and nothing is upgraded",
  async (moment) => {
    const { switches, isReached } = moments[moment];
    const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 }, switches } });
    world.store.faults.add({ on: "UploadPart", times: "always", action: { kind: "hang", when: "before" } });
    const workflow = await startWorkflow(world, "before-upgrade.yml", dispatch(world));
    await expect.poll(() => isReached(world), { timeout: 90_000, interval: 5 }).toBe(true);
    workflow.cancel();
    const result = await workflow.result;
    expect(result.exitCode).toBe(1);
    expect(result.log).toContain(`Success - Post ${publishedAction}`);
    expect(world.hosted()).toEqual(world.initial);
    await world.cluster.waitUntilReady(30_000);
    expect(world.podFiles()).toEqual([]);
    expect(world.store.openUploads(world.bucket)).toEqual([]);
    expect(world.objectKeys()).toEqual([]);
    expect(result.calls).toEqual([]);
    expect(findSecrets(world, result)).toEqual([]);
  },
);
