import { expect, test } from "vitest";
import type { World } from "../world/world.ts";
import { findUnsettled } from "../world/settled.ts";
import { runInProcess } from "./in-process.ts";
import { isChange } from "./requests.ts";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();

function objectVersions(world: World): readonly unknown[] {
  const { cluster } = world;
  const writers = Object.keys(world.initial.replicas).map((writer) => cluster.deployment(writer));
  return [cluster.hostedCluster(), cluster.hostedControlPlane(), ...writers];
}

test.each(["true", "false"])("A dry run with quiesce %s prints its plan and changes nothing", async (quiesce) => {
  const world = scenario();
  const before = objectVersions(world);
  const inputs = world.backupInputs({ "dry-run": "true", quiesce });
  const result = quiesce === "true" ? await world.run(inputs) : await runInProcess(world, inputs);
  expect(result.outcome).toBe("success");
  expect(world.cluster.requests.filter(isChange)).toEqual([]);
  expect(objectVersions(world)).toEqual(before);
  expect(world.objectKeys()).toEqual([]);
  expect(result.outputs).not.toHaveProperty("snapshot-uri");
  expect(result.outputs).not.toHaveProperty("presigned-url");
  expect(result.summary).toMatch(/<th>API servers<\/th><td>never stopped<\/td>/);
  expect(result.summary).toContain("s3://backups/etcd/nightly/clusters/example/");
  expect(result.log).toContain("etcd-0");
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("A dry run tries every patch of the backup and of its undo", async () => {
  const world = scenario();
  const earlier = world.cluster.requests.length;
  await runInProcess(world, world.backupInputs({ "dry-run": "true" }));
  const tried = world.cluster.requests
    .slice(earlier)
    .filter(({ dryRun }) => dryRun)
    .map(({ resource, name }) => `${resource} ${name ?? ""}`);
  expect(tried.toSorted()).toEqual([
    "deployments/scale kube-apiserver",
    "deployments/scale openshift-apiserver",
    "deployments/scale openshift-oauth-apiserver",
    "hostedclusters example",
  ]);
});
