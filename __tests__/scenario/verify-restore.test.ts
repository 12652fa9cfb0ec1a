import { expect, onTestFinished, test } from "vitest";
import { readRendered } from "../world/rendered.ts";
import { startRestoredCluster } from "../world/restored-cluster.ts";
import { findUnsettled } from "../world/settled.ts";
import { startScenario } from "./scenario.ts";

test("A restored cluster is proven to be the old one; a look that is killed leaves nothing in its pod", async () => {
  const world = await startScenario();
  const backup = await world.run(world.backupInputs({ quiesce: "false" }));
  const rendered = await world.run(world.restoreInputs(backup.outputs["snapshot-uri"] ?? ""));
  expect([backup.outcome, rendered.outcome]).toEqual(["success", "success"]);
  const cluster = await startRestoredCluster(await readRendered(rendered), world.env["NODE_EXTRA_CA_CERTS"] ?? "");
  onTestFinished(() => cluster.close());
  const kubeconfig = await cluster.kubeconfig({ user: "system:serviceaccount:clusters:etcd-verify-restore" });
  const inputs = world.verifyRestoreInputs(backup.outputs["snapshot-uri"] ?? "", { kubeconfig });
  const objects = world.objectKeys();
  const result = await world.run(inputs);
  expect([result.outcome, result.post?.outcome]).toEqual(["success", "success"]);
  expect(result.summary).toContain("the cluster is the old one");
  expect(result.summary).toMatch(/Untouched keys<\/th><td>\d+ of \d+, at revision \d+/);
  expect(result.summary).toMatch(/<td><code>secrets<\/code><\/td><td>20<\/td><td>20<\/td><td>0<\/td>/);
  expect(result.outputs["snapshot-uri"]).toBe(inputs["snapshot-uri"]);
  expect(world.objectKeys()).toEqual(objects);
  expect(cluster.container().files()).toEqual([]);
  expect(await findUnsettled(world, result)).toEqual([]);

  cluster.set({ saveBytesPerSecond: 2_000 });
  const step = await world.start(inputs);
  await step.waitForLog("Keys: save one living member", 60_000);
  await expect.poll(() => cluster.container().files(), { timeout: 20_000 }).not.toEqual([]);
  step.kill();
  const killed = await step.result;
  expect([killed.signal, killed.post?.outcome]).toEqual(["SIGKILL", "success"]);
  expect(killed.post?.log).toContain("removed what main left in pod etcd-0");
  expect(cluster.container().files()).toEqual([]);
  expect(await findUnsettled(world, killed)).toEqual([]);
});
