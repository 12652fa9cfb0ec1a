import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ApiOutage } from "../__tests__/scenario/api-outage.ts";
import { renderedManifest } from "../__tests__/world/rendered-manifest.ts";
import type { StepResult } from "../__tests__/world/runner/step.ts";
import { ageIdentity, ageRecipient } from "../__tests__/world/sealing.ts";
import { stringAt } from "../src/json-path.ts";
import { isGranted, markAudit, readAudit, type AuditedRequest } from "./cluster/audit.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { watchWriters } from "./hosted/writers-watch.ts";
import { expectSettled, startScenario, type Scenario } from "./scenario.ts";

let scenario: Scenario;
let hosted: HostedCluster;
/** HyperShift's own: API servers that were told to end serve for 70 s, and are killed after 135 s. */
const timing = { drainSeconds: 70, gracePeriodSeconds: 135 };
/** A Secret of the hosted cluster, made through its API server. */
const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "greeting", namespace: "default" } };
const greeting = Buffer.from("hello from the source").toString("base64");

/** By the roles system:basic-user and system:public-info-viewer. */
const grantedToEveryone = ["create selfsubjectaccessreviews", "get /version"];

function describeRequest({ verb, resource }: AuditedRequest): string {
  return `${verb} ${resource}`;
}

beforeAll(async () => {
  scenario = await startScenario("one-member");
  hosted = await scenario.startHostedCluster({
    etcd: "3.5",
    members: 1,
    ...timing,
  });
  await scenario.applyRbac();
  const client = await hosted.connect();
  await client.apply({ ...secret, data: { text: greeting } });
  client.close();
});

beforeEach(() => hosted.settle());

afterAll(async () => {
  await hosted.end();
  await scenario.close();
});

test("A dry run changes nothing, and asks for nothing that docs/rbac.yaml does not grant", async () => {
  const mark = await markAudit(scenario.layout);
  const result = await scenario.run(await scenario.backupInputs({ "dry-run": "true" }));
  expect(result.outcome).toBe("success");
  const requests = await readAudit(scenario.layout, mark, scenario.actionUser);
  const writes = requests.filter(({ verb, dryRun }) => !["get", "list"].includes(verb) && !dryRun);
  expect([...new Set(writes.map(describeRequest))]).toEqual(["create selfsubjectaccessreviews"]);
  await expectSettled(scenario, hosted, 1);
});

/** Three nights: each keeps the last two snapshots, and seals the key beside its own. */
const nightly = { "keep-last": "2", "key-recipients": ageRecipient };
const nights: StepResult[] = [];

test("Online backups keep the writers running", async () => {
  const before = Object.keys(await hosted.acknowledged());
  for (let night = 1; night <= 2; night += 1) {
    const result = await scenario.run(await scenario.backupInputs({ ...nightly, quiesce: "false" }));
    expect(result.outcome).toBe("success");
    expect(result.outputs["api-downtime-seconds"]).toBe("0");
    nights.push(result);
  }
  expect(Object.keys(await hosted.acknowledged())).toEqual(before);
  await expectSettled(scenario, hosted, 1, nights);
});

let quiesced: StepResult;
let lastWrites: Readonly<Record<string, number>>;
let sourceHashes: readonly number[];

test("A quiesced backup holds the last write of every writer, and asks only for what docs/rbac.yaml grants", async () => {
  const mark = await markAudit(scenario.layout);
  const before = Object.keys(await hosted.acknowledged());
  const watch = watchWriters(scenario.admin, hosted.controlPlaneNamespace, 1);
  quiesced = await scenario.run(await scenario.backupInputs(nightly));
  const outage = await watch.end();
  expect(quiesced.outcome).toBe("success");
  expect(quiesced.post?.outcome).toBe("success");
  const counts = await hosted.acknowledged();
  lastWrites = Object.fromEntries(Object.entries(counts).filter(([pod]) => before.includes(pod)));
  const view = await viewEtcd(scenario.layout, hosted);
  // Soon, before kube-apiserver compacts the revision away.
  sourceHashes = await view.hashes(Number(quiesced.outputs["snapshot-revision"]));
  await view.close();
  const { rbac } = scenario;
  const requests = await readAudit(scenario.layout, mark, scenario.actionUser);
  expect(requests.filter(({ verb }) => verb === "patch").length).toBeGreaterThan(0);
  expect(requests.filter(({ allowed }) => !allowed)).toEqual([]);
  const others = requests.filter((request) => !isGranted(request, rbac)).map(describeRequest);
  expect([...new Set(others)].sort()).toEqual(grantedToEveryone);
  await expectSettled(scenario, hosted, 1, [quiesced]);
  console.log(renderOutage(outage, quiesced));
});

test("The third night keeps two snapshots, each with its record and its sealed key", () => {
  const outputs = [nights.at(-1), quiesced].flatMap((night) => {
    const { "snapshot-uri": snapshot, "record-uri": record, "encryption-key-uri": key } = night?.outputs ?? {};
    return [snapshot, record, key];
  });
  expect(scenario.objectKeys().map((key) => `s3://${scenario.bucket}/${key}`)).toEqual(outputs.toSorted());
});

function renderOutage(
  { stoppedAtMs = 0, scaledUpAtMs = 0, readyAtMs = 0 }: ApiOutage,
  { outputs }: StepResult,
): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return (
    `HyperShift's timing (drain ${String(timing.drainSeconds)} s): API servers wanted again after ${seconds(scaledUpAtMs - stoppedAtMs)}, ` +
    `ready after ${seconds(readyAtMs - stoppedAtMs)}; api-downtime-seconds ${outputs["api-downtime-seconds"] ?? ""}`
  );
}

test("A new cluster from latest and an identity serves what the source had, with the source's key", async () => {
  const sourceKey = hosted.encryptionKey;
  const source = await scenario.admin.find("HostedCluster", hosted.namespace, hosted.name);
  await writeFile(join(scenario.workspace, "cluster.yaml"), renderedManifest(source ?? {}));
  const rendered = await scenario.run(scenario.restoreLatestInputs(ageIdentity, { manifest: "cluster.yaml" }));
  expect(rendered.outcome).toBe("success");
  expect(rendered.outputs["snapshot-uri"]).toBe(quiesced.outputs["snapshot-uri"]);

  await hosted.close();
  await scenario.applyRendered(rendered);
  hosted = await scenario.startHostedCluster({ etcd: "3.5", members: 1, restore: "single" });
  expect(hosted.encryptionKey.equals(sourceKey)).toBe(true);
  const client = await hosted.connect();
  expect(stringAt(await client.find("Secret", "default", "greeting"), "data", "text")).toBe(greeting);
  client.close();
  const view = await viewEtcd(scenario.layout, hosted);
  expect(sourceHashes).toHaveLength(1);
  expect(await view.hashes(Number(quiesced.outputs["snapshot-revision"]))).toEqual(sourceHashes);
  expect(await view.get("/kubernetes.io/secrets/default/greeting")).toMatch(/^k8s:enc:aescbc:v1:key-\d+:/);
  expect(Object.keys(lastWrites)).toHaveLength(2);
  const counters = await view.counters();
  for (const [pod, acknowledged] of Object.entries(lastWrites))
    // The write under way when the pod was ended is in as well where etcd had it, though nobody heard the answer.
    expect([acknowledged, acknowledged + 1]).toContain(counters[pod]);
  await view.close();
});
