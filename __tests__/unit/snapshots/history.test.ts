import { describe, expect, test } from "vitest";
import { historyTables, pastRows } from "../../../src/action/summary/history.ts";
import { readCatalogue } from "../../../src/snapshots/catalogue.ts";
import { describeHistory, findPreviousAgeMs, renderBlocks } from "../../../src/snapshots/history.ts";
import { clusterID, createFolder, runNameAt, type FolderRun } from "./folder.ts";

const cluster = { prefix: "prod", namespace: "clusters", name: "tenant" };
const megabyte = 1_000_000;

/** A snapshot a night, the last of them at 2026-11-25; the figures are of size in MB and live keys. */
function nights(figures: readonly (readonly [number, number])[]): readonly FolderRun[] {
  return figures.map(([size, liveKeys], index) => {
    const time = new Date(Date.UTC(2026, 10, 25 - (figures.length - 1 - index), 2)).toISOString().replace(".000", "");
    const sizeBytes = size * megabyte;
    return { time, sizeBytes, recordedBytes: sizeBytes, liveKeys };
  });
}

async function lookBack(runs: readonly FolderRun[]) {
  const catalogue = await readCatalogue(createFolder(runs), cluster);
  const own = { runName: runNameAt("2026-11-25T02:00:00Z"), clusterID };
  return { history: describeHistory(catalogue, own), previousAgeMs: findPreviousAgeMs(catalogue, own) };
}

describe("a change of size or keys against the median of the last ten", () => {
  const usual = Array.from({ length: 5 }, () => [100, 1000] as const);

  test.each<[string, readonly (readonly [number, number])[], readonly RegExp[]]>([
    ["as usual", [...usual, [100, 1000]], []],
    ["30 % less and 50 % more are usual", [...usual, [70, 1500]], []],
    [
      "less of both",
      [...usual, [69, 690]],
      [/^the size in bytes .* 31 % less than the median of the last 5/, /live keys .* 31 % less/],
    ],
    [
      "more keys",
      [...usual, [100, 1510]],
      [/^the number of live keys of this snapshot is 1510, 51 % more .* 1000: look what/],
    ],
    [
      "two earlier ones say nothing",
      [
        [100, 1000],
        [100, 1000],
        [1, 1],
      ],
      [],
    ],
    ["one odd night among them changes nothing", [...usual, [10, 10], [100, 1000]], []],
    ["the first of all", [[100, 1000]], []],
  ])("%s", async (_, figures, expected) => {
    const { history } = await lookBack(nights(figures));
    expect(history.warnings).toEqual(expected.map((pattern) => expect.stringMatching(pattern) as unknown));
  });

  test("only the last ten count", async () => {
    const figures = [
      ...Array.from({ length: 20 }, () => [500, 9000] as const),
      ...Array.from({ length: 10 }, () => [100, 1000] as const),
    ];
    expect((await lookBack(nights([...figures, [100, 1000]]))).history.warnings).toEqual([]);
  });
});

test.each<[string, readonly FolderRun[], string]>([
  ["whose snapshot is gone", [{ snapshot: null }], "is gone"],
  ["that the folder does not list", [], "its folder does not list it"],
])("a backup %s is warned of by its own run", async (_, own, reason) => {
  const [earlier = {}, newest = {}] = nights([
    [100, 1000],
    [100, 1000],
  ]);
  const { history } = await lookBack([earlier, ...own.map((change) => ({ ...newest, ...change }))]);
  expect(history.warnings).toEqual([expect.stringContaining(reason)]);
  expect(history.warnings[0]).toMatch(/^this backup does not count, and latest does not take it: /);
});

test("the backup before this one is the newest other of the same cluster", async () => {
  const runs = nights([
    [100, 1000],
    [100, 1000],
    [100, 1000],
  ]);
  const foreign = { ...runs[1], hostedCluster: { clusterID: "0b0b0b0b-0000-4000-8000-000000000002" } };
  const { previousAgeMs, history } = await lookBack([runs[0] ?? {}, foreign, runs[2] ?? {}]);
  expect(previousAgeMs).toBe(58 * 3_600_000);
  expect(history.backups).toHaveLength(2);
  expect((await lookBack(runs.slice(2))).previousAgeMs).toBeUndefined();
});

test.each<[readonly number[], string]>([
  [[], ""],
  [[5], "█"],
  [[0, 0], "▁▁"],
  [[8, 8, 4, 1, 0], "██▅▂▁"],
  [[1, 2, 3, 4, 5, 6, 7, 8], "▂▃▄▅▆▇██"],
])("%j is drawn as %s", (values, blocks) => {
  expect(renderBlocks(values)).toBe(blocks);
});

test("the summary has a table of the last backups, with a line for size and one for keys, and what is unusual first", async () => {
  const figures = Array.from({ length: 16 }, (_, index) => [100 + index, 1000 + index] as const);
  const runs = nights([...figures, [20, 1020]]);
  const { history, previousAgeMs } = await lookBack(
    runs.map((run) => ({ ...run, proofs: { membersAgree: undefined } })),
  );
  const report = { apiServers: "back", downWriters: [], recovered: false, history } as const;
  expect(
    pastRows({ ...report, previousAgeSeconds: (previousAgeMs ?? 0) / 1000, retention: ["2 kept", "removed a"] }),
  ).toEqual([
    ["Unusual", expect.stringMatching(/^<strong>the size in bytes of this snapshot is 20000000, 82 % less/)],
    [
      "Last backups",
      "the one before this is 34.0 h old" +
        "<br>size <code>█████████████▂</code> from 98.2 MiB to 19.1 MiB" +
        "<br>live keys <code>██████████████</code> from 1003 to 1020",
    ],
    ["Retention", "2 kept<br>removed a"],
  ]);
  const [table] = historyTables(report);
  expect(table?.rows).toHaveLength(14);
  expect(table?.rows[0]).toEqual([
    ...["2026-11-25T02:00:00Z", "10.0 h", "19.1 MiB", "77", "1020"],
    ...["bytes, keys; not known: members", "not known", ""],
  ]);
  expect(table?.notes).toEqual(["3 older ones are not shown."]);
  expect(historyTables({ ...report, history: { ...history, backups: [] } })).toEqual([]);
});
