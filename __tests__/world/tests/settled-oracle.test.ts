import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { journalAnnotation } from "../../../src/hold/journal.ts";
import { findUnsettled } from "../settled.ts";
import { startWorld, type World } from "../world.ts";

/** A world whose steps run `script` in place of the action, as main and as post. */
async function startScripted(script: string): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "scripted-"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  for (const name of ["main.js", "post.js"]) await writeFile(join(folder, name), script);
  const world = await startWorld({ entry: folder });
  onTestFinished(async () => {
    await world.close();
    await rm(folder, { recursive: true, force: true });
  });
  return world;
}

/** One merge patch by the user of the kubeconfig. */
async function patchHostedCluster(world: World, body: object): Promise<number | undefined> {
  const { cluster } = world;
  const [, token = ""] = /token: (\S+)/.exec(world.backupInputs()["kubeconfig"] ?? "") ?? [];
  const url = `${cluster.url}/apis/hypershift.openshift.io/v1beta1/namespaces/clusters/hostedclusters/example?dryRun=All`;
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/merge-patch+json" };
    const outgoing = request(url, { method: "PATCH", ca: cluster.ca.certificate, headers }, (response) => {
      response.resume().on("end", () => {
        resolve(response.statusCode);
      });
    });
    outgoing.on("error", reject).end(JSON.stringify(body));
  });
}

const summary = `
  import { appendFileSync } from "node:fs";
  const { env } = process;
  if (env.STATE_post) process.exit();
  appendFileSync(env.GITHUB_STATE, "post=true\\n");
  appendFileSync(env.GITHUB_STEP_SUMMARY, "<table>");
`;

test("The oracle finds nothing after a step that did nothing", async () => {
  const world = await startScripted(summary);
  expect(await findUnsettled(world, await world.run(world.backupInputs()))).toEqual([]);
});

test("The oracle finds what is wrong with the hosted cluster, its pods and the store", async () => {
  const world = await startScripted(summary);
  const { cluster, store, bucket } = world;
  const result = await world.run(world.backupInputs());
  cluster.set({
    hypershiftOperator: "dead",
    controlPlaneOperator: "dead",
    drainMs: 0,
    stuckWriters: ["kube-apiserver"],
  });
  cluster.patch("deployments", cluster.controlPlaneNamespace, "openshift-apiserver", { spec: { replicas: 0 } });
  cluster.patch("deployments", cluster.controlPlaneNamespace, "kube-apiserver", { spec: { replicas: 0 } });
  // The old pod has to be gone before another one can be stuck.
  await expect.poll(() => cluster.pods("app=kube-apiserver"), { timeout: 20_000 }).toEqual([]);
  cluster.patch("deployments", cluster.controlPlaneNamespace, "kube-apiserver", { spec: { replicas: 1 } });
  const annotations = { [journalAnnotation]: "{}" };
  cluster.patch("hostedclusters", "clusters", "example", { metadata: { annotations }, spec: { pausedUntil: "true" } });
  await writeFile(cluster.container().pathOf("/var/lib/left.db"), "");
  await store.seedObject(bucket, "a.db", "no snapshot");
  await store.seedObject(bucket, "b.json", "{}");
  expect(await patchHostedCluster(world, { spec: { pausedUntil: "true" } })).toBe(200);
  expect(await findUnsettled(world, result, { settleMs: 500 })).toEqual([
    "cluster: kube-apiserver has 0 pods ready",
    "cluster: openshift-apiserver wants 0 replicas",
    "cluster: pausedUntil is true",
    "cluster: the journal is there: {}",
    "pod: etcd-0/left.db was left",
    "store: b.json belongs to no snapshot",
    "store: a.db has no record",
    'pause: "true" was written',
  ]);
});

test("The oracle finds what a step printed and left that it must not", async () => {
  const world = await startScripted(`
    import { writeFileSync } from "node:fs";
    if (process.env.STATE_post) process.exit();
    console.log("waited for undefined");
    console.log("    at run (file.ts:1:2)");
    console.log("key " + process.env["INPUT_S3-SECRET-ACCESS-KEY"]);
    console.log("::set-output name=x::y");
    writeFileSync(process.env.RUNNER_TEMP + "/left", "");
    process.exit(3);
  `);
  const found = await findUnsettled(world, await world.run(world.backupInputs()));
  for (const expected of [
    "step: The command set-output is deprecated.",
    "step: main ended with 3",
    "step: main ended with 3 and 0 errors",
    "step: main printed waited for undefined",
    "step: main printed     at run (file.ts:1:2)",
    "runner: left was left in RUNNER_TEMP",
    "leak: s3-secret-access-key (plain) is in main log",
  ])
    expect(found).toContain(expected);
});
