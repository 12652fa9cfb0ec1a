import { expect, test } from "vitest";
import { journalAnnotation } from "../../src/hold/journal.ts";
import { stringAt } from "../../src/json-path.ts";
import { findUnsettled } from "../world/settled.ts";
import { apiServersRow, titlesOf } from "./refusal.ts";
import { startScenario } from "./scenario.ts";

test("Of two backups that look at the same moment exactly one takes the hosted cluster", async () => {
  const world = await startScenario();
  // Both have seen a cluster that nobody holds before the first of them takes it.
  world.cluster.addRequestFault({
    match: {
      verb: "patch",
      resource: "hostedclusters",
      dryRun: false,
      when: ({ body }) => stringAt(body, "metadata", "annotations", journalAnnotation)?.includes('"hold"') === true,
    },
    fault: { kind: "delay", ms: 1_500 },
    times: 2,
  });
  const runs = await Promise.all(
    ["7001", "7002"].map((runId) => world.run(world.backupInputs(), { github: { runId } })),
  );
  const [winner, loser] = runs.toSorted((a, b) => (a.exitCode ?? 2) - (b.exitCode ?? 2));
  if (winner === undefined || loser === undefined) throw new Error("there are two runs");
  expect([winner.outcome, winner.outputs["recovered"]]).toEqual(["success", "false"]);
  expect([loser.exitCode, titlesOf(loser)]).toEqual([
    1,
    [expect.stringMatching(/^(?:hold-conflict|hosted-cluster-held)$/)],
  ]);
  expect(apiServersRow(loser)).toBe("never stopped");
  expect(loser.post?.outcome).toBe("success");
  expect(world.objectKeys()).toHaveLength(2);
  for (const run of runs) expect(await findUnsettled(world, run)).toEqual([]);
});
