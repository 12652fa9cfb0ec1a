import { describe, expect, test } from "vitest";
import { loseBackup } from "../action/dying-backup.ts";
import { parseRendered } from "../action/rendered.ts";
import { startScenario } from "../action/scenario.ts";
import { restoreFromUrl } from "../fakes/etcd/restore.ts";
import type { World } from "../fakes/world.ts";
import { runWorkflow, type WorkflowOptions } from "./act.ts";
import { findSecrets, recreationFiles, repositorySettings } from "./example-world.ts";

const workflow = "recreate-from-pull-request.yml";

async function backUp(world: World): Promise<string> {
  const { outputs } = await world.run(world.backupInputs());
  return outputs["snapshot-uri"] ?? "";
}

function pullRequest(world: World, snapshotUri: string, fork = false): WorkflowOptions {
  return {
    ...repositorySettings(world),
    event: "pull_request",
    payload: { pull_request: { head: { repo: { full_name: fork ? "someone/clusters" : "example/clusters" } } } },
    files: recreationFiles(world, snapshotUri),
  };
}

function merge(world: World, snapshotUri: string): WorkflowOptions {
  return {
    ...repositorySettings(world),
    event: "push",
    payload: { ref: "refs/heads/main" },
    files: recreationFiles(world, snapshotUri),
  };
}

describe(workflow, () => {
  test("shows in the pull request what would be restored, applies nothing and leaks nothing", async () => {
    const world = await startScenario();
    const snapshotUri = await backUp(world);
    const result = await runWorkflow(world, workflow, pullRequest(world, snapshotUri));
    expect(result.exitCode).toBe(0);
    expect(result.log).toContain("etcd restore: manifest rendered");
    expect(result.log).toContain(snapshotUri);
    expect(result.calls).toEqual([]);
    expect(findSecrets(world, result)).toEqual([]);
  });

  test("is red in the pull request when the key is not the snapshot's", async () => {
    const world = await startScenario();
    const options = pullRequest(world, await backUp(world));
    const secrets = { ...options.secrets, ETCD_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64") };
    const result = await runWorkflow(world, workflow, { ...options, secrets });
    expect(result.exitCode).toBe(1);
    expect(result.calls).toEqual([]);
  });

  test("renders nothing for a pull request of a fork", async () => {
    const world = await startScenario();
    const before = world.store.requests.length;
    const result = await runWorkflow(world, workflow, pullRequest(world, "s3://backups/a.db", true));
    expect(result.exitCode).toBe(0);
    expect(world.store.requests.length).toBe(before);
  });

  test("applies after the merge a manifest from which etcd starts with the snapshot, and leaks nothing", async () => {
    const world = await startScenario();
    const result = await runWorkflow(world, workflow, merge(world, await backUp(world)));
    expect(result.exitCode).toBe(0);
    expect(result.calls.map(({ args }) => args[0])).toEqual(["get", "apply", "wait", "wait"]);
    for (const { kubeconfig } of result.calls) expect(kubeconfig).toBe(world.backupInputs()["kubeconfig"]);
    const { url, key } = parseRendered(result.calls[1]?.manifest ?? "");
    expect(key).toEqual(world.cluster.aesKey);
    const restored = await restoreFromUrl(url, world.env["NODE_EXTRA_CA_CERTS"] ?? "");
    try {
      expect(await restored.client.count("/")).toBeGreaterThan(world.cluster.filled.secrets.size);
    } finally {
      await restored.close();
    }
    expect(findSecrets(world, result)).toEqual([]);
  });

  test("signs and applies nothing while the old cluster is there", async () => {
    const world = await startScenario();
    const result = await runWorkflow(world, workflow, {
      ...merge(world, await backUp(world)),
      answers: { "kubectl get": "hostedcluster.hypershift.openshift.io/example\n" },
    });
    expect(result.exitCode).toBe(1);
    expect(result.calls.map(({ args }) => args[0])).toEqual(["get"]);
    expect(result.log).not.toContain("Run Main OWNER/");
  });
});

describe("recover.yml", () => {
  test("puts a cluster back whose backup had died, and says so", async () => {
    const world = await startScenario();
    await loseBackup(world, "hold");
    // Past the deadline of every lock; without a run that GitHub knows nothing else says that it is over.
    world.cluster.clock.advance(3 * 60 * 60_000);
    const result = await runWorkflow(world, "recover.yml", { ...repositorySettings(world), event: "schedule" });
    expect(result.exitCode).toBe(0);
    expect(result.log).toContain("title=recovered");
    await world.cluster.waitUntilReady(30_000);
    expect(world.hosted()).toEqual(world.initial);
    expect(world.objectKeys()).toEqual([]);
    expect(findSecrets(world, result)).toEqual([]);
  });
});
