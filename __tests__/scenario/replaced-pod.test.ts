import { expect, test } from "vitest";
import { findUnsettled } from "../world/settled.ts";
import { startScenario } from "./scenario.ts";

test("The files of a run are removed although the pod is being replaced at that moment", async () => {
  const world = await startScenario();
  world.cluster.addRequestFault({
    match: { resource: "pods/exec", when: ({ argv }) => argv?.includes("remove") === true },
    fault: { kind: "status", status: 404 },
    times: 2,
  });
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(await findUnsettled(world, result)).toEqual([]);
});
