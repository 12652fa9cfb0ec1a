import { describe, expect, test } from "vitest";
import { resolveSnapshot } from "../../../src/snapshots/latest.ts";
import { formatSnapshotUri } from "../../../src/snapshots/location.ts";
import { createMemoryLog, rejectedError } from "../restore/expectations.ts";
import { createFolder, runNameAt, type FolderRun } from "./folder.ts";

const latestOf = { prefix: "prod", namespace: "clusters", name: "tenant" };
const day = 86_400_000;
const [first, second, third] = ["2026-11-23T02:00:00Z", "2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z"];
const uriAt = (time: string): string => `s3://backups/prod/clusters/tenant/${runNameAt(time)}.db`;

async function resolve(runs: readonly FolderRun[], maxAgeMs?: number) {
  const log = createMemoryLog();
  const found = await resolveSnapshot({ latestOf }, createFolder(runs), {
    log,
    ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
  });
  return { uri: formatSnapshotUri(found), lines: log.lines };
}

test("an address is taken as it is, and the store is not asked", async () => {
  const store = createFolder([]);
  const snapshot = { bucket: "backups", key: "a.db" };
  expect(await resolveSnapshot(snapshot, store, { log: createMemoryLog() })).toBe(snapshot);
  expect(store.asked).toEqual([]);
});

test("latest is the newest that counts, and what is newer and does not count is told", async () => {
  const { uri, lines } = await resolve([
    { time: first, record: null },
    { time: second, proofs: { membersAgree: undefined } },
    { time: third, proofs: { keysProven: false } },
  ]);
  expect(uri).toBe(uriAt(second));
  expect(lines).toEqual([
    expect.stringContaining("does not count: its record does not say that it is proven (keysProven)"),
    expect.stringContaining("34.0 h ago; the newest of 1 proven; not known of it: membersAgree"),
  ]);
});

test("of a run with several snapshots it is the one of the highest revision", async () => {
  const base = createFolder([{ time: second }]);
  const text: string[] = [];
  for await (const chunk of base.readObject(`prod/clusters/tenant/${runNameAt(second)}.json`))
    text.push(Buffer.from(chunk).toString());
  const record = JSON.parse(text.join("")) as { snapshots: { uri: string; revision: number }[] };
  const [entry] = record.snapshots;
  const ends = ["-etcd-0", "-etcd-1"];
  const snapshots = ends.map((end, index) => ({
    ...{ ...entry, revision: 77 + index },
    uri: uriAt(second).replace(".db", `${end}.db`),
  }));
  const run = { time: second, snapshot: null, parts: { snapshots }, beside: [] };
  const store = createFolder([run], { foreign: ends.map((end) => `${runNameAt(second)}${end}.db`) });
  const { listObjects } = store;
  store.listObjects = async (prefix) =>
    (await listObjects(prefix)).map((object) =>
      object.key.endsWith(".db") ? { ...object, sizeBytes: 4_096 } : object,
    );
  const { key } = await resolveSnapshot({ latestOf }, store, { log: createMemoryLog() });
  expect(key).toMatch(/-etcd-1\.db$/);
});

describe("where there is none that counts", () => {
  test("an empty folder says where it was looked", async () => {
    const error = await rejectedError(resolve([]));
    expect([error.code, error.message]).toEqual([
      "snapshot-missing",
      "there is no proven snapshot in s3://backups/prod/clusters/tenant/",
    ]);
  });

  test("a prefix that has the cluster's folder in it is told as such", async () => {
    const prefix = "prod/clusters/tenant";
    const wanted = { latestOf: { ...latestOf, prefix } };
    const error = await rejectedError(resolveSnapshot(wanted, createFolder([]), { log: createMemoryLog() }));
    expect(error.hint).toMatch(/^s3-prefix ends with the cluster's own folder.*: leave clusters\/tenant out$/);
  });

  test("each that was passed over is named, up to ten", async () => {
    const runs = Array.from({ length: 12 }, (_, hour) => ({
      time: `2026-11-24T${String(hour).padStart(2, "0")}:00:00Z`,
      record: null,
    }));
    const { message } = await rejectedError(resolve(runs));
    expect(message.match(/it has no record/g)).toHaveLength(10);
    expect(message).toMatch(/- and 2 more$/);
  });
});

describe("max-age", () => {
  test("is kept by the newest that counts", async () => {
    expect((await resolve([{ time: second }], 2 * day)).uri).toBe(uriAt(second));
  });

  test.each<[string, readonly FolderRun[], string]>([
    ["nothing came since", [{ time: first }], "no run has left anything there since"],
    [
      "what came since does not count",
      [{ time: first }, { time: third, record: null }],
      "since then:\n- 20261125T020000Z",
    ],
  ])("is broken: %s", async (_, runs, since) => {
    const error = await rejectedError(resolve(runs, day));
    expect(error.code).toBe("snapshot-stale");
    expect(error.message).toContain("made at 2026-11-23T02:00:00Z, 58.0 h ago, longer than max-age");
    expect(error.message).toContain(since);
  });

  test("is measured by the store's clock, and not by a record from the future", async () => {
    const error = await rejectedError(resolve([{ time: first }, { time: "2027-01-01T00:00:00Z" }], day));
    expect(error.code).toBe("snapshot-stale");
    expect(error.message).toContain("more than an hour ahead of the store's clock");
  });
});

test("a folder with two clusters of one name is refused with both, whatever else is wrong with their snapshots", async () => {
  const old = "0b0b0b0b-0000-4000-8000-000000000002";
  const error = await rejectedError(
    resolve([{ time: first, hostedCluster: { clusterID: old }, proofs: { keysProven: false } }, { time: second }]),
  );
  expect(error.code).toBe("clusters-mixed");
  expect(error.message).toContain(`"${old}" (newest: ${runNameAt(first)})`);
  expect(error.message).toContain(`"0a0a0a0a-0000-4000-8000-000000000001" (newest: ${runNameAt(second)})`);
});
