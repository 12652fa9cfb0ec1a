import { describe, expect, test } from "vitest";
import { loseBackup } from "../scenario/dying-backup.ts";
import { parseRendered } from "../world/rendered.ts";
import { startScenario } from "../scenario/scenario.ts";
import { restoreFromUrl } from "../world/etcd/restore.ts";
import { ageRecipient } from "../world/sealing.ts";
import type { World } from "../world/world.ts";
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
    const result = await runWorkflow(world, workflow, pullRequest(world, "latest"));
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

  test.each([
    ["an edit that asks for no restore", "", 0],
    ["an address that is none", "s3://backups/a.txt", 1],
  ])("renders and applies nothing for %s", async (_, snapshotUri, exitCode) => {
    const world = await startScenario();
    const before = world.store.requests.length;
    for (const options of [pullRequest(world, snapshotUri), merge(world, snapshotUri)]) {
      const result = await runWorkflow(world, workflow, options);
      expect(result.exitCode).toBe(exitCode);
      expect(result.calls).toEqual([]);
    }
    expect(world.store.requests.length).toBe(before);
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
    // The played kubectl makes no cluster, and no kubeconfig is given to look at one: the proof at the end is red.
    expect(result.exitCode).toBe(1);
    expect(result.log).toContain("Success - Main Wait until etcd has started from the snapshot");
    expect(result.log).toContain("Failure - Main Prove that the new cluster is the old one");
    const piped = ({ args }: (typeof result.calls)[number]): boolean => args[0] === "create" || args.includes("-");
    const created = result.calls.filter(piped).filter(({ args }) => args[0] === "create");
    expect(created.map(({ args }) => args.slice(1, 4).join(" "))).toEqual([
      "namespace clusters --dry-run=client",
      "secret generic example-pull-secret",
      "secret generic example-ssh-key",
    ]);
    const calls = result.calls.filter((call) => !piped(call));
    expect(calls.map(({ args }) => args[0])).toEqual(["get", "apply", "wait", "apply", "wait"]);
    expect(calls[3]?.manifest).toBe(recreationFiles(world, "")["clusters/example/rbac.yaml"]);
    for (const { kubeconfig } of result.calls) expect(kubeconfig).toBe(world.backupInputs()["kubeconfig"]);
    const { url, key } = parseRendered(calls[1]?.manifest ?? "");
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

describe("aws-oidc.yml", () => {
  test("saves by one role, and restores by another one from a URL that the signing user has signed", async () => {
    const world = await startScenario();
    const settings = repositorySettings(world);
    const saved = await runWorkflow(world, "aws-oidc.yml", { ...settings, event: "schedule" });
    expect(saved.exitCode).toBe(0);
    expect(world.objectKeys()).toHaveLength(3);
    const restored = await runWorkflow(world, "aws-oidc.yml", {
      ...settings,
      event: "workflow_dispatch",
      payload: { inputs: { "snapshot-uri": "latest" } },
      files: recreationFiles(world, "s3://unused/a.db"),
    });
    expect(restored.exitCode).toBe(0);
    expect(restored.calls.map(({ args }) => args[0])).toEqual(["apply"]);
    const { url, key } = parseRendered(restored.calls[0]?.manifest ?? "");
    expect(key).toEqual(world.cluster.aesKey);
    expect(new URL(url).searchParams.get("X-Amz-Credential")).toMatch(new RegExp(`^${world.reader.accessKeyId}/`));
    expect([...findSecrets(world, saved), ...findSecrets(world, restored)]).toEqual([]);
  });

  test("restores nothing where the signing user is not known, since the URL of a role is too long", async () => {
    const world = await startScenario();
    const settings = repositorySettings(world);
    await world.run(world.backupInputs({ "key-recipients": ageRecipient }));
    const restored = await runWorkflow(world, "aws-oidc.yml", {
      ...settings,
      secrets: { ...settings.secrets, SIGNING_KEY_ID: "", SIGNING_KEY: "" },
      event: "workflow_dispatch",
      payload: { inputs: { "snapshot-uri": "latest" } },
      files: recreationFiles(world, "s3://unused/a.db"),
    });
    expect(restored.exitCode).toBe(1);
    expect(restored.log).toContain("presign-access-key-id");
    expect(restored.calls).toEqual([]);
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
