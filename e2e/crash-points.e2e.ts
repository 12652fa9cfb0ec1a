import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { CrashFigures } from "../__tests__/faults/crash-figures.ts";
import { titlesOf } from "../__tests__/scenario/refusal.ts";
import { createEntry } from "../__tests__/scenario/scenario.ts";
import { everything, testWhere } from "./everything.ts";
import { viewEtcd } from "./hosted/etcdctl.ts";
import type { HostedCluster } from "./hosted/hosted-cluster.ts";
import { expectSettled, startScenario, type Scenario } from "./scenario.ts";
import {
  moments,
  passDeadline,
  slowDownParts,
  strikeBackup,
  struckDatabaseMebibytes,
  type Range,
} from "./struck-backup.ts";

let scenario: Scenario;
let hosted: HostedCluster;
let range: Range;
const figures = new CrashFigures("Crash points on the real cluster");
/** The API server remembers for 10 s that it knew a token. */
const tokenMemoryMs = 12_000;
/** Short, so that the deadline of a dead run is near: a minute more than this. */
const gracePeriodSeconds = 10;

beforeAll(async () => {
  scenario = await startScenario("crash-points");
  hosted = await scenario.startHostedCluster({ etcd: "3.5", members: 1, gracePeriodSeconds });
  await scenario.applyRbac();
  range = { scenario, hosted, figures };
});

beforeEach(() => hosted.settle());

afterEach(() => {
  scenario.store.faults.clear();
});

afterAll(async () => {
  console.log(figures.render());
  await hosted.end();
  await scenario.close();
});

const pairs = everything ? 20 : 5;

test(`Of two runs that are started at once exactly one takes the hosted cluster, ${String(pairs)} times`, async () => {
  const refusals: string[] = [];
  for (let pair = 1; pair <= pairs; pair += 1) {
    // Whoever takes it has it for some seconds.
    slowDownParts(scenario, 0.5);
    const inputs = await scenario.backupInputs({ quiesce: "false" });
    const runs = await Promise.all([scenario.run(inputs), scenario.run(inputs)]);
    scenario.store.faults.clear();
    const [winner, loser] = runs.toSorted((a, b) => (a.exitCode ?? 2) - (b.exitCode ?? 2));
    if (winner === undefined || loser === undefined) throw new Error("there are two runs");
    expect([winner.outcome, winner.outputs["recovered"]]).toEqual(["success", "false"]);
    expect([loser.exitCode, titlesOf(loser)]).toEqual([
      1,
      [expect.stringMatching(/^(?:hold-conflict|hosted-cluster-held)$/)],
    ]);
    refusals.push(...titlesOf(loser));
    expect(scenario.objectKeys()).toHaveLength(2 * pair);
    await expectSettled(scenario, hosted, 1, runs);
  }
  const counts = Object.entries(Object.groupBy(refusals, (code) => code));
  console.log(
    `Two runs at once: ${String(pairs)} times, one acquired each time; the other ended with ${counts.map(([code, all]) => `${code} ${String(all?.length)}`).join(", ")}`,
  );
});

// Each strike has one moment here that is always run; `npm run test:faults` strikes at all of them, on embedded servers.
describe("A backup", () => {
  beforeAll(async () => {
    const view = await viewEtcd(scenario.layout, hosted);
    await view.fill(struckDatabaseMebibytes);
    await view.close();
  });

  describe.for(moments)("that gets SIGINT in the %s", (moment) => {
    testWhere(moment === "capture")("puts everything back", async () => {
      const { result } = await strikeBackup(range, moment, {
        strike: (step) => {
          step.cancel();
        },
      });
      expect([result.exitCode, titlesOf(result), result.post?.outcome]).toEqual([1, ["cancelled"], "success"]);
    });
  });

  describe.for(moments)("that gets SIGKILL in the %s", (moment) => {
    testWhere(moment === "transfer")("is put back by its post step", async () => {
      const { result } = await strikeBackup(range, moment, {
        strike: (step) => {
          step.kill();
        },
      });
      expect([result.signal, result.post?.outcome]).toEqual(["SIGKILL", "success"]);
    });
  });

  describe.for(moments)("whose runner is gone in the %s", (moment) => {
    testWhere(moment === "capture")("is put back by the deadline and the next run", async () => {
      const { result, last } = await strikeBackup(range, moment, {
        strike: (step) => {
          step.killRunner();
        },
        next: async () => {
          await passDeadline(range);
          return scenario.backupInputs({ mode: moment === "capture" ? "backup" : "recover" });
        },
      });
      expect(result.post).toBeUndefined();
      expect([last.outcome, last.outputs["recovered"]]).toEqual(["success", "true"]);
    });
  });

  test("whose token is revoked in the transfer says so, and a run with another one takes away what stayed", async () => {
    // The token of a ServiceAccount ends with it; nobody waits here until the run and its post step give up.
    const entry = await createEntry({ undoMs: 10_000, cleanUpMs: 10_000 });
    onTestFinished(entry.remove);
    const { result, last } = await strikeBackup(range, "transfer", {
      strike: async () => {
        // The transfer is to go on for longer than the API server remembers.
        scenario.store.faults.clear();
        slowDownParts(scenario, 0.25);
        await scenario.admin.remove("ServiceAccount", scenario.namespace, "etcd-backup");
        await sleep(tokenMemoryMs);
      },
      next: async () => {
        await scenario.applyRbac();
        await passDeadline(range);
        return scenario.backupInputs({ mode: "recover" });
      },
      entry: entry.path,
    });
    expect([titlesOf(result), result.post?.outcome]).toEqual([["release-failed"], "failure"]);
    expect(result.log).toContain("failed with cluster-unauthorized");
    expect([last.outcome, last.outputs["recovered"]]).toEqual(["success", "true"]);
  });
});
