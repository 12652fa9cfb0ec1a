import { describe, expect, test } from "vitest";
import { ActionError } from "../../../src/errors.ts";
import { readCatalogue } from "../../../src/snapshots/catalogue.ts";
import { listRuns } from "../../../src/snapshots/stored-runs.ts";
import { rejectedCode } from "../restore/expectations.ts";
import { createFolder, type FolderRun } from "./folder.ts";

const cluster = { prefix: "prod", namespace: "clusters", name: "tenant" };
const names = [
  "20261124T010203Z-01234567.db",
  "20261124T010203Z-01234567.json",
  "20261124T010203Z-01234567.keep",
  "20261124T010203Z-01234567.key.age",
  "20261124T010203Z-01234567.drill-20261124T020304Z.json",
  "20261125T010203Z-89abcdef-etcd-0.db",
  "20261125T010203Z-89abcdef-etcd-1.db",
  "20261125T010203Z-89abcdef.json",
  "20261126T010203Z-00000000.db",
  "20261126T010203Z-00000000.db.json",
  "20261126T010203Z-00000000.keep.db",
  "20261332T010203Z-00000000.db",
  "sub/20261126T010203Z-00000000.db",
  "by-hand.db",
  "by-hand.json",
];

test("objects are known by their exact names, and runs listed the newest first", async () => {
  const folder = "prod/clusters/tenant/";
  const store = {
    listObjects: () =>
      Promise.resolve(names.map((name) => ({ key: `${folder}${name}`, sizeBytes: 1, modifiedAt: undefined }))),
  };
  const runs = await listRuns(store, folder);
  expect(
    runs.map(({ name, record, snapshots, companions, pinned, drilled }) => [
      ...[name, record !== undefined, snapshots.length],
      ...[companions.map(({ key }) => key.slice(folder.length + name.length)), pinned, drilled],
    ]),
  ).toEqual([
    ["20261126T010203Z-00000000", false, 1, [], false, false],
    ["20261125T010203Z-89abcdef", true, 2, [], false, false],
    ["20261124T010203Z-01234567", true, 1, [".key.age", ".drill-20261124T020304Z.json"], true, true],
  ]);
});

const good: FolderRun = { time: "2026-11-24T02:00:00Z" };

async function read(runs: readonly FolderRun[], options: Parameters<typeof createFolder>[1] = {}) {
  return readCatalogue(createFolder(runs, options), cluster);
}

describe("a run that does not count is named with its reason, and hides no other", () => {
  test.each<[string, FolderRun, RegExp]>([
    ["no record", { record: null }, /^it has no record/],
    ["a record that is no JSON", { record: "{" }, /is not JSON/],
    ["a record of a newer schema", { parts: { schemaVersion: 2 } }, /has schemaVersion 2; this version reads 1/],
    ["a record of 2 MiB", { record: " ".repeat(2 ** 21) }, /has 2097152 bytes/],
    ["a time that is none", { parts: { createdAt: "2026-13-24T02:00:30Z" } }, /has no time/],
    ["a record without a snapshot", { snapshot: null }, /^its snapshot is gone/],
    ["a snapshot of another size", { sizeBytes: 5 }, /another size than its record says/],
    ["a record that was copied here", { uri: "s3://other/a.db" }, /about snapshots elsewhere/],
    ["a record of another run", { parts: { nonce: "f".repeat(32) } }, /of another run/],
    ["another cluster by name", { hostedCluster: { name: "other" } }, /of another hosted cluster, "clusters\/other"/],
    ["no proof of the structure", { proofs: { structure: undefined } }, /\(structure\)/],
    ["unproven bytes", { proofs: { trailer: false, readBack: false } }, /\(trailer, readBack\)/],
    ["diverged members", { proofs: { membersAgree: false } }, /\(membersAgree\)/],
    ["lost keys", { proofs: { keysProven: false } }, /\(keysProven\)/],
    ["a record from the future", { time: "2026-11-25T13:10:00Z" }, /more than an hour ahead of the store's clock/],
  ])("%s", async (_, odd, reason) => {
    const { proven, passedOver } = await read([good, { time: "2026-11-25T02:00:00Z", ...odd }]);
    expect(proven.map(({ record }) => record.createdAt)).toEqual(["2026-11-24T02:00:00Z"]);
    expect(passedOver.map((each) => each.reason)).toEqual([expect.stringMatching(reason)]);
  });

  test("proofs that were not made do not keep a run from counting", async () => {
    const { proven } = await read([{ ...good, proofs: { membersAgree: undefined, keysProven: undefined } }]);
    expect(proven).toHaveLength(1);
  });

  test("a record that may not be read, or went away meanwhile", async () => {
    const failures = [
      new ActionError("store-access-denied", "it may not be read"),
      new ActionError("object-not-found", "it went away"),
    ];
    for (const failure of failures) {
      const { proven, passedOver } = await read([good, { time: "2026-11-25T02:00:00Z", failure }]);
      expect([proven.length, passedOver[0]?.reason]).toEqual([1, failure.message]);
    }
  });
});

test("a store that goes away while records are read is an error, since what it hides is not known", async () => {
  const failure = new ActionError("store-unreachable", "it is away");
  expect(await rejectedCode(read([good, { time: "2026-11-25T02:00:00Z", failure }]))).toBe("store-unreachable");
});

test("runs are in the order of their records' times, by the store's clock", async () => {
  const { proven, readAt } = await read([
    { time: "2026-11-24T02:00:00Z", parts: { createdAt: "2026-11-24T09:00:00Z" } },
    { time: "2026-11-24T03:00:00Z" },
  ]);
  expect(proven.map(({ record }) => record.createdAt)).toEqual(["2026-11-24T09:00:00Z", "2026-11-24T03:00:00Z"]);
  expect(readAt).toEqual(new Date("2026-11-25T12:00:00Z"));
});

test("each record is read once, whatever else lies in the folder, and nothing is looked at before", async () => {
  const foreign = Array.from({ length: 10_000 }, (_, index) => `note-${String(index)}.txt`);
  const runs = Array.from({ length: 60 }, (_, day) => ({
    time: new Date(Date.UTC(2026, 8, 1 + day)).toISOString().replace(".000", ""),
  }));
  const store = createFolder(runs, { foreign });
  const { proven, foreignObjects } = await readCatalogue(store, cluster);
  expect([proven.length, foreignObjects]).toEqual([60, 10_000]);
  expect(store.asked.toSorted()).toEqual(["list", ...runs.map(({ time }) => `read ${time}`)].toSorted());
});
