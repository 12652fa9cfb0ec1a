import { readFile } from "node:fs/promises";
import type { JsonObject } from "../__tests__/world/management-cluster/json.ts";
import type { StepResult } from "../__tests__/world/runner/step.ts";
import { writerNames } from "../src/hypershift/hosted-cluster.ts";
import { listAt, numberAt, stringAt } from "../src/json-path.ts";
import { parseDrillRecord, type DrillRecord } from "../src/snapshots/drill-record.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { drillNamespaceOf, type Scenario } from "./scenario.ts";
import { waitUntil } from "./wait.ts";

/** Everything of the living cluster that a drill must leave as it is. */
export async function describeLiving({ admin }: Scenario, hosted: HostedCluster): Promise<unknown> {
  const inner = hosted.controlPlaneNamespace;
  const workloads = await Promise.all([
    admin.find("HostedCluster", hosted.namespace, hosted.name),
    admin.find("StatefulSet", inner, "etcd"),
    ...writerNames.map((writer) => admin.find("Deployment", inner, writer)),
  ]);
  const pods = await admin.list("Pod", inner);
  return {
    generations: workloads.map((workload) => numberAt(workload, "metadata", "generation")),
    addresses: pods.map((pod) => [stringAt(pod, "metadata", "uid"), stringAt(pod, "status", "podIP")]).sort(),
    restarts: pods.flatMap((pod) =>
      listAt(pod, "status", "containerStatuses").map((status) => numberAt(status, "restartCount")),
    ),
  };
}

/** Secrets and nothing else: what an API server of a drill is to read. */
export async function applySecrets(hosted: HostedCluster, count: number): Promise<void> {
  const client = await hosted.connect();
  for (let index = 0; index < count; index += 1)
    await client.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `greeting-${String(index)}`, namespace: "default" },
      data: { text: Buffer.from(`hello ${String(index)}`).toString("base64") },
    });
  client.close();
}

/** What a drill wrote beside the record. */
export async function readDrill({ store, bucket }: Scenario, result: StepResult): Promise<DrillRecord | undefined> {
  const uri = result.outputs["drill-uri"] ?? "";
  return parseDrillRecord((await store.readObject(bucket, uri.replace(`s3://${bucket}/`, ""))).toString());
}

export function renderPhases(record: DrillRecord | undefined): string {
  const phases = (record?.phases ?? []).map(
    ({ name, script, seconds }) => `${name}${script === undefined ? "" : ` (${script})`} ${seconds.toFixed(1)}`,
  );
  return `RTO ${String(record?.rtoSeconds)} s of ${String(record?.snapshot.sizeBytes)} bytes: ${phases.join(", ")}`;
}

/** The pod of a drill, when it runs. */
export async function waitForPod({ admin, namespace }: Scenario): Promise<JsonObject> {
  const find = async (): Promise<JsonObject | undefined> =>
    (await admin.list("Pod", drillNamespaceOf(namespace))).find(
      (pod) => stringAt(pod, "status", "phase") === "Running",
    );
  return waitUntil("the pod of the drill runs", find, { timeoutMs: 120_000 });
}

/** No pod of a drill is left, nor the memory of one on the node. */
export async function expectNoPod(scenario: Scenario): Promise<void> {
  const namespace = drillNamespaceOf(scenario.namespace);
  const isGone = async (): Promise<boolean> => {
    if ((await scenario.admin.list("Pod", namespace)).length > 0) return false;
    return !(await readFile("/proc/mounts", "utf8")).includes("kubernetes.io~empty-dir/shared");
  };
  await waitUntil("the pod of the drill is gone, and its memory", isGone, { timeoutMs: 120_000 });
}
