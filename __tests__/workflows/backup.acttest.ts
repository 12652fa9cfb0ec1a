import { expect, test } from "vitest";
import { moments } from "../action/dying-backup.ts";
import { isScaleDown } from "../action/requests.ts";
import { startScenario } from "../action/scenario.ts";
import type { World } from "../fakes/world.ts";
import { runWorkflow, startWorkflow } from "./act.ts";
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
  expect(storedKinds(world)).toEqual([".db", ".json"]);
  expect(world.cluster.requests.filter(isScaleDown)).toEqual([]);
  expect(world.hosted()).toEqual(world.initial);
  expect(result.calls).toEqual([]);
  expect(findSecrets(world, result)).toEqual([]);
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
  expect(result.calls).toMatchObject([{ program: "gh", args: expect.arrayContaining(["issue", "create"]) as unknown }]);
  expect(result.calls[0]?.args.join(" ")).toMatch(/https:\/\/github\.com\/example\/clusters\/actions\/runs\/\d+/);
});

test("before-upgrade.yml upgrades when the snapshot is there, and says what the way back is", async () => {
  const world = await startScenario();
  const result = await runWorkflow(world, "before-upgrade.yml", dispatch(world));
  expect(result.exitCode).toBe(0);
  expect(storedKinds(world)).toEqual([".db", ".json"]);
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
    expect(result.log).toContain("Success - Post OWNER/hypershift-etcd-backup-action@COMMIT");
    expect(world.hosted()).toEqual(world.initial);
    await world.cluster.waitUntilReady(30_000);
    expect(world.podFiles()).toEqual([]);
    expect(world.store.openUploads(world.bucket)).toEqual([]);
    expect(world.objectKeys()).toEqual([]);
    expect(result.calls).toEqual([]);
    expect(findSecrets(world, result)).toEqual([]);
  },
);
