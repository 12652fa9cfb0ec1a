import { onTestFinished, expect, test } from "vitest";
import { parseJournal } from "../../src/hold/journal.ts";
import { startGithubApi, workflowRun } from "../world/github-api.ts";
import { findUnsettled } from "../world/settled.ts";
import type { World } from "../world/world.ts";
import { loseBackup, type Moment } from "../scenario/dying-backup.ts";
import { isChange } from "../scenario/requests.ts";
import { startScenario } from "../scenario/scenario.ts";

const minutes = 60_000;

/** What a dead run left, as far as the moment of its death makes it certain. */
function leftBehind(world: World): { readonly journal: boolean; readonly files: boolean; readonly store: boolean } {
  return {
    journal: world.hosted().journal !== undefined,
    files: world.podFiles().length > 0,
    store: world.store.openUploads(world.bucket).length + world.objectKeys().length > 0,
  };
}

test("Without anything to do a recovery is green and changes nothing", async () => {
  const world = await startScenario();
  const result = await world.run(world.recoverInputs());
  expect(result.outcome).toBe("success");
  expect(result.outputs).toEqual({ recovered: "false" });
  expect(result.annotations).toEqual([]);
  expect(world.cluster.requests.filter(isChange)).toEqual([]);
  expect(result.summary).toContain("there was nothing to do");
  expect(await findUnsettled(world, result)).toEqual([]);
});

const deaths: readonly (readonly [Moment, ReturnType<typeof leftBehind>])[] = [
  ["hold", { journal: true, files: false, store: false }],
  ["capture", { journal: true, files: true, store: false }],
  ["transfer", { journal: true, files: true, store: true }],
  ["record", { journal: true, files: true, store: true }],
];

test.each(deaths)(
  "A backup killed in %s is put back at once when GitHub calls its run completed",
  async (moment, left) => {
    const github = await startGithubApi();
    onTestFinished(() => github.close());
    const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 } } });
    await loseBackup(world, moment);
    expect(leftBehind(world)).toEqual(left);
    github.answer(200, workflowRun(7001, 1, "completed"));
    const result = await world.run(world.recoverInputs({ "github-token": "ghs_canary00000000000001" }), {
      github: { apiUrl: github.url, runId: "7002" },
    });
    expect(result.outcome).toBe("success");
    expect(result.outputs).toEqual({ recovered: "true" });
    expect(github.requests).toMatchObject([{ path: "/repos/example/clusters/actions/runs/7001/attempts/1" }]);
    expect(result.summary).toMatch(/<table><tr><th>API servers<\/th><td>back<\/td>/);
    // A whole object stays for days: somebody may be about to bring its record back.
    const stays = world.objectKeys();
    expect(stays).toHaveLength(moment === "record" ? 1 : 0);
    expect(await findUnsettled(world, result)).toEqual(stays.map((key) => `store: ${key} has no record`));
  },
);

test.each(["hold", "transfer"] as const)(
  "A backup killed in %s is put back after its deadline, without HyperShift",
  async (moment) => {
    const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 } } });
    await loseBackup(world, moment);
    world.cluster.set({ controlPlaneOperator: "dead" });
    world.cluster.clock.advance(16 * minutes);
    const result = await world.run(world.recoverInputs());
    expect(result.outcome).toBe("success");
    expect(result.outputs).toEqual({ recovered: "true" });
    world.cluster.set({ controlPlaneOperator: "alive" });
    expect(await findUnsettled(world, result)).toEqual([]);
    const again = await world.run(world.recoverInputs());
    expect(again.outputs).toEqual({ recovered: "false" });
  },
);

test("A backup killed after its record stays a backup, and what else it left is removed", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 } } });
  await loseBackup(world, "cleanup");
  const made = world.objectKeys();
  expect(leftBehind(world)).toEqual({ journal: true, files: true, store: true });
  world.cluster.clock.advance(16 * minutes);
  const result = await world.run(world.recoverInputs());
  expect(result.outputs).toEqual({ recovered: "true" });
  expect(made).toHaveLength(2);
  expect(world.objectKeys()).toEqual(made);
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("Two recoveries at once put a dead run back, and neither fails", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 } } });
  await loseBackup(world, "transfer");
  world.cluster.clock.advance(16 * minutes);
  const [one, other] = await Promise.all([world.run(world.recoverInputs()), world.run(world.recoverInputs())]);
  expect([one.outcome, other.outcome]).toEqual(["success", "success"]);
  expect([one.outputs["recovered"], other.outputs["recovered"]]).toContain("true");
  expect(await findUnsettled(world, one)).toEqual([]);
  expect(await findUnsettled(world, other)).toEqual([]);
});

test("A recovery that is killed itself is ended by the next one", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 } } });
  await loseBackup(world, "capture");
  world.cluster.set({ controlPlaneOperator: "dead" });
  world.cluster.clock.advance(16 * minutes);
  const first = await world.start(world.recoverInputs());
  const off = world.cluster.onRequest((request) => {
    if (isChange(request)) first.killRunner();
  });
  await first.result;
  off();
  expect(world.hosted().journal).toBeDefined();
  world.cluster.set({ controlPlaneOperator: "alive" });
  // The lock that the first one may have written counts as well.
  world.cluster.clock.advance(16 * minutes);
  const result = await world.run(world.recoverInputs());
  expect(result.outputs).toEqual({ recovered: "true" });
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("The next backup recovers first, and is a backup then", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 } } });
  await loseBackup(world, "transfer");
  const dead = parseJournal(world.hosted().journal ?? "", world.cluster.clock.now());
  world.cluster.clock.advance(16 * minutes);
  const result = await world.run(world.backupInputs());
  expect(result.outcome).toBe("success");
  expect(result.outputs["recovered"]).toBe("true");
  expect(world.objectKeys()).toHaveLength(2);
  expect(world.objectKeys().join()).not.toContain(dead.nonce.slice(0, 8));
  expect(await findUnsettled(world, result)).toEqual([]);
});

test("Without a store the cluster is put back, and what may be left in the store is named", async () => {
  const world = await startScenario({ cluster: { fill: { sizeBytes: 2 * 1024 ** 2 } } });
  await loseBackup(world, "transfer");
  const [left] = world.store.openUploads(world.bucket);
  world.cluster.clock.advance(16 * minutes);
  const without = { "s3-bucket": "", "s3-region": "", "s3-endpoint": "" };
  const keys = { "s3-access-key-id": "", "s3-secret-access-key": "" };
  const result = await world.run(world.recoverInputs({ ...without, ...keys }));
  expect(result.outcome).toBe("success");
  expect(result.outputs).toEqual({ recovered: "true" });
  expect(world.hosted()).toEqual({ ...world.initial, journal: undefined });
  expect(world.podFiles()).toEqual([]);
  expect(world.store.openUploads(world.bucket)).toHaveLength(1);
  expect(left?.key).toMatch(/\.db$/);
  expect(result.annotations).toMatchObject([
    { level: "warning", message: expect.stringContaining(left?.key ?? "?") as string },
  ]);
  expect(result.summary).toContain(left?.key);
});
