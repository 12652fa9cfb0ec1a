import { describe, expect, test } from "vitest";
import { parseRecord } from "../../src/snapshots/record.ts";
import { createStep, runMain } from "../world/memory-world/step.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { afterNights, backUp, day, folder, wholeRuns } from "./nights.ts";
import { describeEnd } from "./trial.ts";

test("the backup of each night removes what no rule keeps, prints the plan first, and says what came of it", async () => {
  const world = await afterNights(3);
  const before = wholeRuns(world);
  const { step, end } = await backUp(world, { last: 2 });
  expect(describeEnd(end)).toBe("green");
  const runs = wholeRuns(world);
  expect(runs).toHaveLength(2);
  expect(runs[0]).toBe(before[2]);
  expect(world.bucket.keys).toEqual(runs.flatMap((name) => [`${folder}${name}.db`, `${folder}${name}.json`]));
  const planned = step.lines.findIndex((line) => line.startsWith(`remove ${before[0] ?? ""} of `));
  expect(planned).toBeGreaterThan(0);
  expect(step.lines.indexOf(`removed ${before[0] ?? ""}`)).toBeGreaterThan(planned);
  expect(step.report.retention).toEqual([
    "2 kept, 2 of 2 removed",
    `removed ${before[0] ?? ""}`,
    `removed ${before[1] ?? ""}`,
  ]);
  expect(Math.abs((step.report.previousAgeSeconds ?? 0) - 86_400)).toBeLessThan(60);
  expect(step.report.history?.backups).toHaveLength(4);
});

test("without a rule nothing is removed, and the first backup has none before it", async () => {
  const world = new MemoryWorld();
  const { step } = await backUp(world);
  expect(step.report.previousAgeSeconds).toBeUndefined();
  expect(step.report.retention).toBeUndefined();
  const second = await backUp(world);
  expect(describeEnd(second.end)).toBe("green");
  expect(wholeRuns(world)).toHaveLength(2);
});

test("a backup that is ahead of the store's clock is green, and says that it does not count", async () => {
  const world = new MemoryWorld();
  world.bucket.skewMs = -2 * 3_600_000;
  const { end, step } = await backUp(world);
  expect(describeEnd(end)).toBe("green");
  expect(step.lines.join("\n")).toMatch(/this backup does not count, and latest does not take it: .* ahead of/);
});

test("a dry run tells the plan, its own backup among those that are kept, and changes nothing", async () => {
  const world = await afterNights(2);
  const before = world.bucket.keys;
  const step = createStep(world, { dryRun: true, retention: { last: 2 } });
  await world.timeline.play(runMain(world, step));
  const [, plan = ""] = step.report.plan?.find(([name]) => name === "Retention") ?? [];
  expect(plan.split("\n")).toEqual([
    expect.stringMatching(/^keep .*: newest, this backup, last$/),
    expect.stringMatching(/^keep .*: last$/),
    expect.stringMatching(/^remove .*: no rule of keep-last: 2 keeps it$/),
    expect.stringContaining("is not tried"),
  ]);
  expect(world.bucket.keys).toEqual(before);
});

describe("nothing is removed", () => {
  test("after a red run", async () => {
    const world = await afterNights(2);
    world.secretsKey = Buffer.alloc(32, 9);
    const { end, step } = await backUp(world, { last: 1 });
    expect(describeEnd(end)).toMatch(/^red with encryption-key-unproven/);
    expect(step.report.history).toBeDefined();
    expect(wholeRuns(world)).toHaveLength(3);
  });

  test("of a pinned snapshot, also where the pin came after the listing", async () => {
    const world = await afterNights(3);
    const [first, second] = wholeRuns(world);
    world.bucket.put(`${folder}${first ?? ""}.keep`, Buffer.from(""), {});
    world.weather = ({ operation }) => {
      if (operation === "head object" && world.bucket.keys.filter((key) => key.endsWith(".json")).length === 4)
        try {
          world.bucket.put(`${folder}${second ?? ""}.keep`, Buffer.from(""), {});
        } catch {
          // It is there already.
        }
      return undefined;
    };
    const { step } = await backUp(world, { last: 1 });
    expect(step.lines).toContain(`${second ?? ""} was pinned meanwhile, and stays`);
    expect(wholeRuns(world).slice(0, 2)).toEqual([first, second]);
    expect(wholeRuns(world)).toHaveLength(3);
  });

  test("where the folder has snapshots of another cluster of this name", async () => {
    const world = await afterNights(2);
    world.patchHostedCluster({ spec: { clusterID: "0b0b0b0b-0000-4000-8000-000000000002" } });
    const { end, step } = await backUp(world, { last: 1 });
    expect(describeEnd(end)).toBe("green");
    expect(step.report.retention).toEqual([
      expect.stringMatching(/^nothing was removed: .* of another cluster of this name/),
    ]);
    expect(wholeRuns(world)).toHaveLength(3);
  });

  test("that is from the future, unproven or without a record, and none of them takes a place", async () => {
    const world = await afterNights(2);
    const [name = ""] = wholeRuns(world);
    const record = parseRecord(world.bucket.read(`${folder}${name}.json`).toString(), name);
    const others = ["20300101T000000Z-00000001", "20261120T000000Z-00000002", "20261120T000000Z-00000003"];
    const [future = "", unproven = "", unrecorded = ""] = others;
    const copy = (to: string, changes: object): void => {
      const nonce = `${to.slice(-8)}${"0".repeat(24)}`;
      const [entry] = record.snapshots;
      const snapshots = [{ ...entry, uri: `s3://backups/${folder}${to}.db` }];
      const text = JSON.stringify({ ...record, nonce, snapshots, ...changes });
      world.bucket.put(`${folder}${to}.json`, Buffer.from(text), { nonce });
    };
    for (const other of others) world.bucket.put(`${folder}${other}.db`, world.bucket.read(`${folder}${name}.db`), {});
    copy(future, { createdAt: "2030-01-01T00:00:00Z" });
    copy(unproven, { createdAt: "2026-11-20T00:00:00Z", proofs: { ...record.proofs, membersAgree: false } });
    const { end } = await backUp(world, { last: 2 });
    expect(describeEnd(end)).toBe("green");
    expect(world.bucket.keys).toContain(`${folder}${unrecorded}.db`);
    expect(wholeRuns(world)).toHaveLength(4);
    expect(wholeRuns(world)).toEqual(expect.arrayContaining([future, unproven]));
  });

  test("where the store's clock is so far behind that this backup is from the future", async () => {
    const world = await afterNights(2);
    world.bucket.skewMs = -2 * day;
    const { end, step } = await backUp(world, { last: 1 });
    expect(describeEnd(end)).toBe("green");
    expect(step.report.retention).toEqual([expect.stringContaining("does not show the backup that was just made")]);
    expect(wholeRuns(world)).toHaveLength(3);
  });
});

test("deletion that is denied is a warning and no red run, and the next backup finishes what was begun", async () => {
  const world = await afterNights(3);
  let deletes = 0;
  world.weather = ({ operation }) => {
    if (operation !== "delete object") return undefined;
    deletes += 1;
    return deletes > 1 ? { fate: "refused" } : undefined;
  };
  const denied = await backUp(world, { last: 1 });
  expect(describeEnd(denied.end)).toBe("green");
  expect(denied.step.lines.filter((line) => line.includes("could not be removed: store-access-denied"))).toHaveLength(
    3,
  );
  expect(world.bucket.keys.filter((key) => key.endsWith(".json"))).toHaveLength(4);
  expect(wholeRuns(world)).toHaveLength(3);
  world.weather = () => undefined;
  await world.timeline.pass(day);
  expect(describeEnd((await backUp(world, { last: 1 })).end)).toBe("green");
  expect(world.bucket.keys).toHaveLength(2);
});

test("a folder that cannot be listed is a warning, and nothing is removed", async () => {
  const world = await afterNights(2);
  // The listing for leftovers comes first; the fault is of the one after the record.
  world.weather = ({ operation }) =>
    operation === "list objects" && world.bucket.keys.length === 6 ? { fate: "refused" } : undefined;
  const { end, step } = await backUp(world, { last: 1 });
  expect(describeEnd(end)).toBe("green");
  expect(step.lines).toContainEqual(
    expect.stringMatching(/^the earlier backups .* retention removes nothing \(store-access/),
  );
  expect(step.report.history).toBeUndefined();
  expect(wholeRuns(world)).toHaveLength(3);
});

test("a store that falls silent after the record costs a minute, and the backup is green", async () => {
  const world = await afterNights(1);
  world.weather = ({ operation }) =>
    operation === "list objects" && world.bucket.keys.length === 4 ? { fate: "silent" } : undefined;
  const startedMs = world.timeline.nowMs();
  const { end, step } = await backUp(world, { last: 1 });
  expect(describeEnd(end)).toBe("green");
  expect(step.lines).toContainEqual(expect.stringContaining("the store did not answer within 60 s"));
  expect(world.timeline.nowMs() - startedMs).toBeLessThan(120_000);
});
