import { expect, test } from "vitest";
import { buildSnapshot, type ChangePlan } from "../../world/snapshot/snapshot.ts";
import { readBytes } from "../../world/snapshot/read.ts";
import type { Survivors } from "../../../src/etcd/survivors.ts";

const key = (name: string): string => `/kubernetes.io/configmaps/default/${name}`;
const changes: readonly ChangePlan[] = [
  { main: 2, key: key("a"), value: "1" },
  { main: 3, key: key("b"), value: "1" },
  { main: 4, key: key("a"), value: "2", createRevision: 2, version: 2 },
  // One transaction.
  { main: 5, key: key("c"), value: "1" },
  { main: 5, sub: 1, key: key("d"), value: "1" },
];

async function survivors(later: readonly ChangePlan[], compactRevision?: number): Promise<Survivors | undefined> {
  const { liveIndex } = await readBytes(buildSnapshot({ changes }), { indexLive: true });
  if (liveIndex === undefined) throw new Error("there is no index");
  const plan = { changes: later, ...(compactRevision === undefined ? {} : { compactRevision }) };
  return (await readBytes(buildSnapshot(plan), { earlier: liveIndex })).survivors;
}

test("what nobody changed is untouched, by resource", async () => {
  expect(await survivors(changes)).toStrictEqual({
    untouched: 4,
    newestRevision: 5,
    foreign: 0,
    resources: { configmaps: { untouched: 4, foreign: 0 } },
  });
});

test("a key that was changed or deleted since counts as neither", async () => {
  const later = [
    ...changes,
    { main: 6, key: key("c"), value: "2", createRevision: 5, version: 2 },
    { main: 7, key: key("b") },
  ];
  expect(await survivors(later)).toMatchObject({ untouched: 2, foreign: 0, newestRevision: 5 });
});

test("a compaction takes nothing away that is alive", async () => {
  expect(await survivors(changes.toSpliced(0, 1), 5)).toMatchObject({ untouched: 4, foreign: 0 });
});

test("what a bumped restore leaves is not a key", async () => {
  const raised = { main: 1_000_000_005, nameless: true };
  expect(await survivors([...changes.toSpliced(0, 1), raised], raised.main)).toMatchObject({
    untouched: 4,
    foreign: 0,
  });
});

test.each<[string, readonly ChangePlan[]]>([
  ["another value", changes.map((change) => (change.sub === 1 ? { ...change, value: "2" } : change))],
  ["another lease", changes.map((change) => (change.sub === 1 ? { ...change, lease: 7n } : change))],
  ["another key at its revision", changes.map((change) => (change.sub === 1 ? { ...change, key: key("e") } : change))],
  [
    "an older value that the snapshot had replaced",
    [...changes.slice(0, 2), { main: 4, key: key("x"), value: "1" }, ...changes.slice(3)],
  ],
])("%s of the same revision is foreign", async (_, later) => {
  expect((await survivors(later))?.foreign).toBeGreaterThan(0);
});

test("without an index nothing is compared, and without the wish none is made", async () => {
  const snapshot = await readBytes(buildSnapshot({ changes }));
  expect([snapshot.survivors, snapshot.liveIndex]).toEqual([undefined, undefined]);
});
