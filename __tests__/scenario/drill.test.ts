import { expect, test } from "vitest";
import { shareScenario } from "./scenario.ts";

const scenario = shareScenario();

test("A drill that lacks its rights names each of them, makes no pod and sets no output but the code", async () => {
  const world = scenario();
  const backup = await world.run(world.backupInputs({ quiesce: "false", presign: "false" }));
  expect(backup.outcome).toBe("success");
  const first = world.cluster.requests.length;
  // The user of this world has what docs/rbac.yaml grants to backups, which is nothing in the namespace for drills.
  const result = await world.run(world.backupInputs({ mode: "drill", "snapshot-uri": "latest" }));
  expect(result.outcome).toBe("failure");
  expect(result.outputs).toEqual({ "error-code": "permission-missing" });
  const [error] = result.annotations.filter(({ level, title }) => level === "error" && title !== "");
  expect(error?.message).toMatch(/may not create pods in etcd-restore-drill[^]*may not delete pods restore-drill/);
  const writes = world.cluster.requests.slice(first).filter(({ verb }) => verb !== "get");
  expect(new Set(writes.map(({ resource }) => resource))).toEqual(new Set(["selfsubjectaccessreviews"]));
});
