import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generateX25519Identity } from "age-encryption";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { titlesOf } from "../__tests__/scenario/refusal.ts";
import type { JsonObject } from "../__tests__/world/management-cluster/json.ts";
import { renderedManifest } from "../__tests__/world/rendered-manifest.ts";
import { ageIdentity, ageRecipient } from "../__tests__/world/sealing.ts";
import type { StepResult } from "../__tests__/world/runner/step.ts";
import { stringAt } from "../src/json-path.ts";
import { isGranted, markAudit, readAudit } from "./cluster/audit.ts";
import { everything, testWhere } from "./everything.ts";
import { openJob, type ExampleJob } from "./example-job.ts";
import type { RestoreScript } from "./hosted/etcd-restore.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { endRestore } from "./hosted/restore-end.ts";
import { etcdVolume } from "./hosted/volumes.ts";
import { expectSettled, startScenario, type Scenario, type StepInputs } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

interface Combination {
  readonly etcd: "3.5" | "3.6";
  readonly members: 1 | 3;
  readonly script: RestoreScript;
}

let scenario: Scenario;
let hosted: HostedCluster;
/** The snapshots of `backUp`, the older one first, and the key that its hosted cluster had. */
let snapshots: readonly [first: string, latest: string];
let sourceKey: Buffer;

/** A Secret of the hosted cluster, made through its API server, which encrypts it. */
const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "greeting", namespace: "default" } };
const greeting = Buffer.from("hello from the source").toString("base64");

/** Starts a hosted cluster of one member, and backs it up twice, the second time with a key more. */
async function backUp(etcd: Combination["etcd"]): Promise<void> {
  hosted = await scenario.startHostedCluster({ etcd, members: 1 });
  await scenario.applyRbac();
  const client = await hosted.connect();
  await client.apply({ ...secret, data: { text: greeting } });
  client.close();
  const inputs = { quiesce: "false", "key-recipients": ageRecipient };
  const first = await scenario.run(await scenario.backupInputs(inputs));
  const view = await viewEtcd(scenario.layout, hosted);
  await view.put("/kubernetes.io/configmaps/default/later", "later");
  await view.close();
  const latest = await scenario.run(await scenario.backupInputs(inputs));
  expect([first.outcome, latest.outcome]).toEqual(["success", "success"]);
  snapshots = [first.outputs["snapshot-uri"] ?? "", latest.outputs["snapshot-uri"] ?? ""];
  sourceKey = hosted.encryptionKey;
}

/** Writes the manifest that a human would have rendered for the hosted cluster that is there; returns its path in the workspace. */
async function writeManifest(release: string, members: Combination["members"]): Promise<string> {
  const source = await scenario.admin.find("HostedCluster", hosted.namespace, hosted.name);
  const policy = members === 1 ? "SingleReplica" : "HighlyAvailable";
  const text = renderedManifest(source ?? {})
    .replace("SingleReplica", policy)
    .replaceAll("4.20.0", release);
  const folder = "clusters/example";
  await mkdir(join(scenario.workspace, folder), { recursive: true });
  await writeFile(join(scenario.workspace, folder, "cluster.yaml"), text);
  return `${folder}/cluster.yaml`;
}

/** In place of the cluster that is there, one that starts from the newest snapshot, or finds the old volumes. */
async function restore(
  { etcd, members, script }: Combination,
  { keepVolumes } = { keepVolumes: false },
): Promise<void> {
  const manifest = await writeManifest(etcd === "3.5" ? "4.20.0" : "4.22.0", members);
  await hosted.close({ keepVolumes });
  const rendered = await scenario.run(
    scenario.restoreLatestInputs(ageIdentity, {
      // Hosted clusters of several rows have backups in the folder, which latest refuses.
      "snapshot-uri": snapshots[1],
      manifest,
      // No such release is known to join its members.
      "allow-unsafe-restore": "etcd-would-split",
    }),
  );
  expect([titlesOf(rendered), rendered.outcome]).toEqual([[], "success"]);
  await scenario.applyRendered(rendered);
  hosted = await scenario.startHostedCluster({ etcd, members, restore: script });
  await scenario.applyRbac();
}

function messagesOf({ annotations }: StepResult): string {
  return annotations.map(({ message }) => message).join("\n");
}

async function look(snapshotUri: string, overrides: StepInputs = {}): Promise<StepResult> {
  const inputs = { "age-identity": ageIdentity, ...overrides };
  return scenario.run(await scenario.verifyRestoreInputs(snapshotUri, inputs));
}

/** The look begins while the cluster is still being restored, as HyperShift tells it. */
async function lookFromTheBegin(snapshotUri: string): Promise<StepResult> {
  const inputs = await scenario.verifyRestoreInputs(snapshotUri, { "age-identity": ageIdentity });
  const step = await scenario.start(inputs);
  await step.waitForLog("EtcdSnapshotRestored is not True yet", 120_000);
  await endRestore(scenario.admin, hosted);
  return step.result;
}

beforeAll(async () => {
  // The namespace that the example names.
  scenario = await startScenario("clusters");
});

afterAll(async () => {
  await hosted.end();
  await scenario.close();
});

const pullSecret = '{"auths":{}}';

/** The job that applies, of the example for a pull request that asks for the newest snapshot. */
async function openApplyJob(): Promise<ExampleJob> {
  const { kubeconfig = "", ...inputs } = await scenario.verifyRestoreInputs("latest");
  const admin = await readFile(join(scenario.layout.pki, "admin.kubeconfig"));
  return openJob(scenario, {
    file: "recreate-from-pull-request.yml",
    job: "apply",
    values: {
      "needs.request.outputs.snapshot-uri": "latest",
      "vars.BACKUP_BUCKET": inputs["s3-bucket"] ?? "",
      "vars.BACKUP_PREFIX": inputs["s3-prefix"] ?? "",
      "vars.BACKUP_REGION": inputs["s3-region"] ?? "",
      "vars.BACKUP_ENDPOINT": inputs["s3-endpoint"] ?? "",
      "secrets.RESTORE_KEY_ID": inputs["s3-access-key-id"] ?? "",
      "secrets.RESTORE_KEY": inputs["s3-secret-access-key"] ?? "",
      "secrets.CREATE_KUBECONFIG": admin.toString("base64"),
      "secrets.VERIFY_KUBECONFIG": kubeconfig,
      "secrets.ETCD_ENCRYPTION_KEY": "",
      "secrets.ETCD_BACKUP_IDENTITY": ageIdentity,
      "secrets.PULL_SECRET": pullSecret,
      "secrets.SSH_PUBLIC_KEY": "ssh-ed25519 AAAA example",
    },
  });
}

test("A cluster is not made anew beside the old one, by the job that applies in examples/recreate-from-pull-request.yml", async () => {
  await backUp("3.6");
  const job = await openApplyJob();
  await expect(job.run(job.step("See that the old cluster is gone"))).rejects.toThrow("cluster exists");
});

describe("An etcd of one member did not start from the snapshot", () => {
  test("where the volume of the old cluster was still there, and HyperShift's init script left it as it was", async () => {
    await restore({ etcd: "3.6", members: 1, script: "joining" }, { keepVolumes: true });
    const result = await lookFromTheBegin(snapshots[1]);
    expect(result.outputs["error-code"]).toBe("etcd-not-restored");
    expect(messagesOf(result)).toContain("the etcd is still the one that was backed up");
  });

  test("where its volume was lost, and it started empty", async () => {
    const { controlPlaneNamespace } = hosted;
    const findUid = async (): Promise<string | undefined> =>
      stringAt(await scenario.admin.find("Pod", controlPlaneNamespace, "etcd-0"), "metadata", "uid");
    const before = await findUid();
    await rm(join(etcdVolume(scenario.layout, controlPlaneNamespace, 0), "data"), { recursive: true });
    await scenario.admin.remove("Pod", controlPlaneNamespace, "etcd-0");
    await waitUntil("etcd-0 is another pod", async () => ![before, undefined].includes(await findUid()), {
      timeoutMs: 120_000,
    });
    const result = await look(snapshots[1]);
    expect(result.outputs["error-code"]).toBe("etcd-not-restored");
    expect(messagesOf(result)).toContain("etcd-0 has started without the snapshot");
  });
});

describe("A cluster that is lost, and made anew with three members by the job of that example,", () => {
  let job: ExampleJob;

  beforeAll(async () => {
    // The first release whose init script joins restored members.
    await writeManifest("5.1.0", 3);
    const rights = { apiVersion: "v1", kind: "List", items: scenario.rbac };
    await writeFile(join(scenario.workspace, "clusters/example/rbac.yaml"), JSON.stringify(rights));
    job = await openApplyJob();
    await hosted.close();
  });

  testWhere(false)("is not made with an identity to which nothing was sealed", async () => {
    const other = { "secrets.ETCD_BACKUP_IDENTITY": await generateX25519Identity() };
    const result = await job.run(job.step("restore"), other);
    expect(result?.outputs["error-code"]).toBe("age-identity-mismatch");
  });

  test("serves its Secrets, and is proven to be the old one with the rights that docs/rbac.yaml has for that", async () => {
    const { admin, namespace } = scenario;
    const mark = await markAudit(scenario.layout);
    const playHyperShift = async (): Promise<StepResult> => {
      await waitUntil("the job has applied a HostedCluster", () => admin.find("HostedCluster", namespace, "example"), {
        timeoutMs: 300_000,
      });
      hosted = await scenario.startHostedCluster({ etcd: "3.6", members: 3, restore: "joining" });
      const { controlPlaneNamespace } = hosted;
      await waitUntil(
        "the job has given back the rights",
        () => admin.find("RoleBinding", controlPlaneNamespace, "etcd-verify-restore"),
        { timeoutMs: 60_000 },
      );
      return lookFromTheBegin(snapshots[1]);
    };
    const runJob = async (): Promise<readonly StepResult[]> => {
      const results: StepResult[] = [];
      for (const step of job.steps) results.push(...[await job.run(step)].filter((result) => result !== undefined));
      return results;
    };
    const [results, early] = await Promise.all([runJob(), playHyperShift()]);
    const [rendered, proof] = results;
    for (const result of [...results, early]) expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
    expect(rendered?.outputs["snapshot-uri"]).toBe(snapshots[1]);
    for (const result of [proof, early]) {
      expect(result?.summary).toMatch(/Init script.*bumped/s);
      expect(result?.summary).toMatch(/on all 3 members, as the snapshot predicts/);
      expect(result?.outputs["snapshot-uri"]).toBe(snapshots[1]);
    }
    expect(hosted.encryptionKey.equals(sourceKey)).toBe(true);
    const client = await hosted.connect();
    expect(stringAt(await client.find("Secret", "default", "greeting"), "data", "text")).toBe(greeting);
    client.close();
    const created = await admin.find("Secret", namespace, "example-pull-secret");
    expect(stringAt(created, "data", ".dockerconfigjson")).toBe(Buffer.from(pullSecret).toString("base64"));
    expect(await admin.find("Secret", namespace, "example-ssh-key")).toBeDefined();
    const user = `system:serviceaccount:${namespace}:etcd-verify-restore`;
    const requests = await readAudit(scenario.layout, mark, user);
    const roles = scenario.rbac.filter((object) => JSON.stringify(object).includes("etcd-verify-restore"));
    const others = requests
      .filter((request) => !isGranted(request, roles))
      .map(({ verb, resource }) => `${verb} ${resource}`);
    expect([...new Set(others)].sort()).toEqual(["create selfsubjectaccessreviews"]);
    await expectSettled(scenario, hosted, 3, [...results, early]);
  });

  test("is still the old one after kube-apiserver has compacted, and its members agree with each other", async () => {
    const view = await viewEtcd(scenario.layout, hosted);
    await view.compact(await view.revision());
    await view.close();
    const result = await look(snapshots[1]);
    expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
    expect(result.summary).toMatch(/not shown: .*; all 3 members have at revision \d+ what was read of one/);
  });

  test("is not what another snapshot of the same cluster would be", async () => {
    const result = await look(snapshots[0]);
    expect(result.outputs["error-code"]).toBe("restore-differs");
    await expectSettled(scenario, hosted, 3, [result]);
  });

  test("is told of when it has another key", async () => {
    const name = "example-etcd-encryption-key";
    const before = (await scenario.admin.find("Secret", hosted.namespace, name)) ?? {};
    const setKey = (data: JsonObject): Promise<unknown> =>
      scenario.admin.patch("Secret", hosted.namespace, name, { data });
    await setKey({ key: Buffer.alloc(32, 7).toString("base64") });
    onTestFinished(async () => {
      await setKey(before["data"] as JsonObject);
    });
    const result = await look(snapshots[1]);
    expect(result.outputs["error-code"]).toBe("encryption-key-mismatch");
    await expectSettled(scenario, hosted, 3, [result]);
  });
});

const others: readonly Combination[] = (["3.5", "3.6"] as const).flatMap((etcd) =>
  ([1, 3] as const).flatMap((members) => (["single", "joining"] as const).map((script) => ({ etcd, members, script }))),
);

describe.runIf(everything)("Each release of etcd, number of members and init script", () => {
  testWhere(false).each(
    others.filter(({ etcd, members, script }) => !(etcd === "3.6" && members === 3 && script === "joining")),
  )("etcd $etcd, members $members, script $script", async (combination) => {
    await hosted.close();
    await backUp(combination.etcd);
    await restore(combination);
    const result = await lookFromTheBegin(snapshots[1]);
    const isSplit = combination.members > 1 && combination.script === "single";
    if (isSplit) expect(result.outputs["error-code"]).toBe("etcd-split");
    else {
      expect([titlesOf(result), result.outcome]).toEqual([[], "success"]);
      expect(result.summary).toMatch(/as the snapshot predicts/);
      expect(result.summary).toMatch(combination.script === "single" ? /Init script.*plain/s : /Init script.*bumped/s);
    }
    // Members that are split off can not be waited for as one cluster.
    if (!isSplit) await expectSettled(scenario, hosted, combination.members, [result]);
  });
});
