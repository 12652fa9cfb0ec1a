import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ApiOutage } from "../__tests__/action/api-outage.ts";
import { renderedManifest } from "../__tests__/fakes/rendered-manifest.ts";
import type { StepResult } from "../__tests__/fakes/runner/step.ts";
import { stringAt } from "../src/hypershift/json-path.ts";
import { isGranted, markAudit, readAudit, type AuditedRequest } from "./cluster/audit.ts";
import { parseObjects } from "./cluster/manifests.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import { startHostedCluster, type HostedCluster } from "./hosted/hosted-cluster.ts";
import { watchWriters } from "./hosted/writers-watch.ts";
import { applyRbac, expectSettled, readRbac, startScenario, type Scenario } from "./scenario.ts";

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
  scenario = await startScenario();
  hosted = await startHostedCluster(scenario.layout, scenario.admin, {
    name: "example",
    etcd: "3.5",
    members: 1,
    ...timing,
  });
  await applyRbac(scenario.admin);
  const client = await hosted.connect();
  await client.apply({ ...secret, data: { text: greeting } });
  client.close();
});

afterAll(async () => {
  await hosted.close();
  await scenario.close();
});

test("A dry run changes nothing, and asks for nothing that docs/rbac.yaml does not grant", async () => {
  const mark = await markAudit(scenario.layout);
  const result = await scenario.run(await scenario.backupInputs({ "dry-run": "true" }));
  expect(result.outcome).toBe("success");
  const requests = await readAudit(scenario.layout, mark);
  const writes = requests.filter(({ verb, dryRun }) => !["get", "list"].includes(verb) && !dryRun);
  expect([...new Set(writes.map(describeRequest))]).toEqual(["create selfsubjectaccessreviews"]);
  await expectSettled(scenario, hosted, 1);
});

let quiesced: StepResult;
let lastWrites: Readonly<Record<string, number>>;
let sourceHashes: readonly number[];

test("A quiesced backup holds the last write of every writer, and asks only for what docs/rbac.yaml grants", async () => {
  const mark = await markAudit(scenario.layout);
  const before = Object.keys(await hosted.acknowledged());
  const watch = watchWriters(scenario.admin, hosted.controlPlaneNamespace, 1);
  quiesced = await scenario.run(await scenario.backupInputs());
  const outage = await watch.end();
  expect(quiesced.outcome).toBe("success");
  expect(quiesced.post?.outcome).toBe("success");
  const counts = await hosted.acknowledged();
  lastWrites = Object.fromEntries(Object.entries(counts).filter(([pod]) => before.includes(pod)));
  const view = await viewEtcd(scenario.layout, hosted);
  // Soon, before kube-apiserver compacts the revision away.
  sourceHashes = await view.hashes(Number(quiesced.outputs["snapshot-revision"]));
  await view.close();
  const rbac = await readRbac();
  const requests = await readAudit(scenario.layout, mark);
  expect(requests.filter(({ verb }) => verb === "patch").length).toBeGreaterThan(0);
  expect(requests.filter(({ allowed }) => !allowed)).toEqual([]);
  const others = requests.filter((request) => !isGranted(request, rbac)).map(describeRequest);
  expect([...new Set(others)].sort()).toEqual(grantedToEveryone);
  await expectSettled(scenario, hosted, 1, [quiesced]);
  console.log(renderOutage(outage, quiesced));
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

test("An online backup keeps the writers running", async () => {
  const before = Object.keys(await hosted.acknowledged());
  const result = await scenario.run(await scenario.backupInputs({ quiesce: "false" }));
  expect(result.outcome).toBe("success");
  expect(result.outputs["api-downtime-seconds"]).toBe("0");
  expect(Object.keys(await hosted.acknowledged())).toEqual(before);
  await expectSettled(scenario, hosted, 1);
});

test("A new cluster from the rendered manifest serves what the source had, with the source's key", async () => {
  const uri = quiesced.outputs["snapshot-uri"] ?? "";
  const sourceKey = hosted.encryptionKey;
  const source = await scenario.admin.find("HostedCluster", hosted.namespace, hosted.name);
  await writeFile(join(scenario.workspace, "cluster.yaml"), renderedManifest(source ?? {}));
  const rendered = await scenario.run(scenario.restoreInputs(uri, sourceKey, { manifest: "cluster.yaml" }));
  expect(rendered.outcome).toBe("success");
  const manifest = parseObjects(await readFile(rendered.outputs["rendered-manifest"] ?? "", "utf8"));

  await hosted.close();
  const restore = { manifest, storeAuthority: scenario.storeAuthority };
  hosted = await startHostedCluster(scenario.layout, scenario.admin, {
    name: hosted.name,
    etcd: "3.5",
    members: 1,
    restore,
  });
  expect(hosted.encryptionKey.equals(sourceKey)).toBe(true);
  const client = await hosted.connect();
  expect(stringAt(await client.find("Secret", "default", "greeting"), "data", "text")).toBe(greeting);
  client.close();
  const view = await viewEtcd(scenario.layout, hosted);
  expect(sourceHashes).toHaveLength(1);
  expect(await view.hashes(Number(quiesced.outputs["snapshot-revision"]))).toEqual(sourceHashes);
  expect(await view.get("/kubernetes.io/secrets/default/greeting")).toMatch(/^k8s:enc:aescbc:v1:key-\d+:/);
  expect(Object.keys(lastWrites)).toHaveLength(2);
  expect(await view.counters()).toMatchObject(lastWrites);
  await view.close();
});
