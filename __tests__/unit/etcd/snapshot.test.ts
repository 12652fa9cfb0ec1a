import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c } from "../../../src/etcd/crc32c.ts";
import { seed } from "../../seed.ts";
import { withTrailer, writeMetaChecksum } from "../../world/snapshot/database.ts";
import { createMemorySource, readBytes, refusalOf } from "../../world/snapshot/read.ts";
import {
  buildDatabase,
  buildSnapshot,
  renderChange,
  writes,
  type ChangePlan,
  type SnapshotPlan,
} from "../../world/snapshot/snapshot.ts";
import { readSnapshot } from "../../../src/etcd/snapshot.ts";

const bump = 1_000_000_000;
const key = "/kubernetes.io/configmaps/default/a";

/** HashKV over these changes, as hash.go writes them down. */
function hashOf(changes: readonly ChangePlan[]): number {
  return crc32c(Buffer.concat([Buffer.from("key"), ...changes.flatMap(renderChange)]));
}

describe("a whole file", () => {
  test.each([
    ["a free list that is not kept", { freePages: 3 }],
    ["a free list", { freePages: 3, freelist: "listed" }],
    ["a free list with its count in front", { freePages: 70_000, freelist: "listed", pageSizeBytes: 1024 }],
    ["an empty free list", { freelist: "listed" }],
    ["pages of 16 KiB", { pageSizeBytes: 16_384 }],
    ["pages of 64 KiB", { pageSizeBytes: 65_536 }],
    ["branch pages on three levels", { entriesInLeaf: 1 }],
    ["values that go on in further pages", { entriesInLeaf: 2 }],
    ["no page within an entry", { inlineBytes: 0 }],
  ] as const)("says the same with %s", async (_, options) => {
    const value = "value".repeat(1000);
    const [plain, other] = [{}, options].map((each) => buildSnapshot({ changes: writes(120, value), ...each }));
    const expected = await readBytes(plain ?? Buffer.alloc(0));
    const found = await readBytes(other ?? Buffer.alloc(0));
    expect(found).toMatchObject({
      revision: 121,
      hash: expected.hash,
      entries: 127,
      liveKeys: 120,
      hashKv: { revision: 121, compactRevision: -1, hash: hashOf(writes(120, value)) },
      liveSet: expected.liveSet,
      consistentIndex: 41,
      term: 3,
      storageVersion: "3.6.0",
      clusterVersion: "3.6.0",
      members: [{ id: "8e9e05c52164694d" }],
      alarms: [],
      authEnabled: false,
    });
    expect(found.pages.free).toBe("freePages" in options ? options.freePages : 0);
  });

  test("says the same with a leaf beside a branch", async () => {
    const database = buildDatabase({ changes: writes(101), entriesInLeaf: 1 });
    const pages = Array.from({ length: database.length / 4096 }, (_, id) =>
      database.subarray(id * 4096, (id + 1) * 4096),
    );
    const isBranch = (page: Buffer, count: number): boolean =>
      page.readUInt16LE(8) === 1 && page.readUInt16LE(10) === count;
    // The branches of 50, 50 and 1 leaves stand below the root; the leaf takes the place of the last.
    const [root, last] = [3, 1].map((count) => pages.find((page) => isBranch(page, count)));
    const [leaf, place] = [last?.subarray(24, 32), root?.subarray(16 + 2 * 16 + 8)];
    if (leaf === undefined || place === undefined) throw new Error("the tree is another one");
    const expected = await readBytes(withTrailer(database));
    leaf.copy(place);
    const found = await readBytes(withTrailer(database));
    expect(found).toEqual({ ...expected, sha256: found.sha256, trailer: found.trailer, pages: found.pages });
  });

  test("its hashes are those of its bytes", async () => {
    const bytes = buildSnapshot();
    expect(await readBytes(bytes)).toMatchObject({
      sizeBytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      trailer: bytes.subarray(-32).toString("hex"),
    });
  });

  test("tells which alarms a restored etcd would have", async () => {
    const { alarms } = await readBytes(buildSnapshot({ noSpace: true }));
    expect(alarms).toMatchObject([{ alarm: "NOSPACE" }]);
  });

  test("any keyspace of puts and deletions has the keys that are left", async () => {
    const steps = fc.array(fc.record({ name: fc.integer({ min: 0, max: 6 }), removes: fc.boolean() }), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(steps, async (plan) => {
        const alive = new Map<string, number>();
        const changes = plan.map(({ name, removes }, index): ChangePlan => {
          const text = `/kubernetes.io/pods/default/${String(name)}`;
          if (!removes || !alive.has(text)) {
            alive.set(text, index);
            return { main: index + 2, key: text, value: "k8s\0" };
          }
          alive.delete(text);
          return { main: index + 2, key: text };
        });
        const snapshot = await readBytes(buildSnapshot({ changes, entriesInLeaf: 5 }));
        expect(snapshot.liveKeys).toBe(alive.size);
        expect(snapshot.liveSet.keys).toBe(alive.size);
        expect(snapshot.resources["pods"]?.keys ?? 0).toBe(alive.size);
        expect(snapshot.hashKv.hash).toBe(hashOf(changes));
        const live = changes.filter((_, index) => [...alive.values()].includes(index));
        expect(snapshot.prediction.bumped).toStrictEqual({
          revision: snapshot.revision + bump,
          hashKV: hashOf([...live, { main: snapshot.revision + bump, nameless: true }]),
        });
      }),
      { numRuns: 60, seed },
    );
  });
});

describe("HashKV at a point", () => {
  const changes: readonly ChangePlan[] = [
    { main: 2, key: "/a/b/c", value: "1" },
    { main: 3, key: "/a/b/d", value: "1" },
    { main: 4, key: "/a/b/c", value: "2", createRevision: 2, version: 2 },
    { main: 5, key: "/a/b/d" },
    { main: 6, key: "/a/b/e", value: "1" },
  ];
  const only = (...mains: readonly number[]): number => hashOf(changes.filter(({ main }) => mains.includes(main)));

  test.each([
    ["at the end, nothing compacted", { revision: 6, compactRevision: -1 }, only(2, 3, 4, 5, 6)],
    ["in the past", { revision: 4, compactRevision: -1 }, only(2, 3, 4)],
    [
      "compacted later than the file: what is superseded does not count",
      { revision: 6, compactRevision: 4 },
      only(4, 5, 6),
    ],
    ["compacted at a deletion, which does not count", { revision: 6, compactRevision: 5 }, only(4, 6)],
    ["the past, compacted: what was alive then", { revision: 4, compactRevision: 3 }, only(3, 4)],
  ])("%s", async (_, hashKvAt, hash) => {
    expect((await readBytes(buildSnapshot({ changes }), { hashKvAt })).hashKvAt).toStrictEqual({ ...hashKvAt, hash });
  });

  test("nothing alive: all that is left counts, but for the deletion at the compact revision", async () => {
    const gone = [{ main: 2, value: "1" }, { main: 3 }, { main: 4, value: "1" }, { main: 5 }];
    const hashKvAt = { revision: 5, compactRevision: 5 };
    const { hashKvAt: found } = await readBytes(buildSnapshot({ changes: gone }), { hashKvAt });
    expect(found?.hash).toBe(hashOf(gone.slice(0, 3)));
  });

  test.each([
    ["above the file's revision", { revision: 7, compactRevision: -1 }],
    ["below what it was compacted to", { revision: 6, compactRevision: 2 }],
  ])("is not known %s", async (_, hashKvAt) => {
    const snapshot = await readBytes(buildSnapshot({ changes, compactRevision: 3 }), { hashKvAt });
    expect(snapshot.hashKvAt).toBeUndefined();
  });
});

describe("the nameless entry of a bumped restore", () => {
  const before = writes(3);
  const nameless: ChangePlan = { main: 4 + bump, nameless: true };
  const compacted = { compactRevision: 4 + bump };

  test("is accepted, counted by etcdutl, and no key", async () => {
    const changes = [...before, nameless, { main: 5 + bump, value: "x" }];
    const snapshot = await readBytes(buildSnapshot({ changes, compactRevision: 4 + bump }));
    expect(snapshot).toMatchObject({ bumpedTo: 4 + bump, liveKeys: 5, liveSet: { keys: 4 } });
  });

  test.each<readonly [string, SnapshotPlan]>([
    ["where nothing was compacted", { changes: [...before, nameless] }],
    [
      "less than a bump above the change before it",
      { ...compacted, changes: [...before, { main: 3 + bump, nameless: true }] },
    ],
    ["at an ordinary revision", { ...compacted, changes: [...before, { main: 5, nameless: true }] }],
    ["within a transaction", { ...compacted, changes: [...before, { ...nameless, sub: 1 }] }],
  ])("is refused %s", async (_, plan) => {
    expect(await refusalOf(buildSnapshot(plan))).toMatchObject({ code: "snapshot-invalid" });
  });
});

describe("a file that no etcd writes is refused", () => {
  const database = (): Buffer =>
    buildDatabase({ changes: writes(20), entriesInLeaf: 5, freelist: "listed", freePages: 4 });
  const patched = (patch: (bytes: Buffer) => void): Buffer => {
    const bytes = database();
    patch(bytes);
    return withTrailer(bytes);
  };
  /** The first page of a kind (1 branch, 2 leaf, 16 free list). */
  const pageOf = (bytes: Buffer, kind: number): Buffer => {
    for (let offset = 0; ; offset += 4096)
      if (bytes.readUInt16LE(offset + 8) === kind) return bytes.subarray(offset, offset + 4096);
  };

  test.each<readonly [string, () => Buffer]>([
    ["an empty file", () => Buffer.alloc(0)],
    ["a trailer alone", () => withTrailer(Buffer.alloc(0))],
    ["a cut file", () => buildSnapshot().subarray(0, 5000)],
    ["a cut file of whole pages with a trailer of its own", () => withTrailer(database().subarray(0, -4096))],
    ["a page more than the meta page tells", () => withTrailer(Buffer.concat([database(), Buffer.alloc(4096)]))],
    ["a trailer of other bytes", () => Buffer.concat([buildSnapshot().subarray(0, -1), Buffer.alloc(1, 1)])],
    ["a meta page with a wrong checksum", () => patched((bytes) => bytes.writeUInt8(9, 4096 + 16 + 48))],
    [
      "two meta pages of the same transaction",
      () =>
        patched((bytes) => {
          bytes.writeUInt8(20, 4096 + 16 + 48);
          writeMetaChecksum(bytes.subarray(4096));
        }),
    ],
    ["a page under another id", () => patched((bytes) => pageOf(bytes, 2).writeUInt8(77, 0))],
    ["a page of two kinds", () => patched((bytes) => pageOf(bytes, 2).writeUInt16LE(3, 8))],
    ["a leaf with an element more", () => patched((bytes) => pageOf(bytes, 2).writeUInt16LE(6, 10))],
    ["a leaf with an element less", () => patched((bytes) => pageOf(bytes, 2).writeUInt16LE(4, 10))],
    ["an overflow into a page that is in use", () => patched((bytes) => pageOf(bytes, 2).writeUInt32LE(1, 12))],
    ["an overflow beyond the file", () => patched((bytes) => pageOf(bytes, 2).writeUInt32LE(0xfffffff0, 12))],
    [
      "a branch that points twice to a page",
      () => patched((bytes) => pageOf(bytes, 1).copyWithin(16 + 24, 16 + 8, 16 + 16)),
    ],
    ["a branch that points to itself", () => patched((bytes) => pageOf(bytes, 1).copyWithin(16 + 8, 0, 8))],
    ["a branch that points beyond the file", () => patched((bytes) => pageOf(bytes, 1).writeUInt32LE(9999, 16 + 8))],
    [
      "a branch that points to the free list",
      () => patched((bytes) => pageOf(bytes, 16).copy(pageOf(bytes, 1), 16 + 8, 0, 8)),
    ],
    ["keys out of order", () => patched((bytes) => pageOf(bytes, 2).writeUInt8(9, 16 + 5 * 16 + 7))],
    ["a free list out of order", () => patched((bytes) => pageOf(bytes, 16).copyWithin(16, 24, 32))],
    ["a page in use among the free ones", () => patched((bytes) => pageOf(bytes, 16).writeUInt8(3, 16))],
    ["a page that is neither in use nor free", () => patched((bytes) => pageOf(bytes, 16).writeUInt16LE(3, 10))],
    ["no bucket of keys", () => buildSnapshot({ buckets: { key: undefined } })],
    ["a bucket that etcd does not know", () => buildSnapshot({ buckets: { keys: [] } })],
    ["a revision left out", () => buildSnapshot({ changes: writes(5).filter(({ main }) => main !== 4) })],
    [
      "a part of a transaction left out",
      () =>
        buildSnapshot({
          changes: [
            { main: 2, value: "" },
            { main: 2, sub: 2, value: "" },
          ],
        }),
    ],
    ["a value of another revision", () => buildSnapshot({ changes: [{ main: 2, createRevision: 9, value: "" }] })],
    [
      "a first version that was created before",
      () => buildSnapshot({ changes: writes(1).concat({ main: 3, createRevision: 2, value: "" }) }),
    ],
    ["a key without a name", () => buildSnapshot({ changes: [{ main: 2, key: "", value: "x" }] })],
    [
      "a compact revision that is not one",
      () => buildSnapshot({ buckets: { meta: [[Buffer.from("finishedCompactRev"), Buffer.alloc(17)]] } }),
    ],
    [
      "a lease under another id",
      () => buildSnapshot({ buckets: { lease: [[Buffer.alloc(8), Buffer.from("0801", "hex")]] } }),
    ],
  ])("%s", async (_, build) => {
    expect(await refusalOf(build())).toMatchObject({ code: "snapshot-invalid" });
  });

  test("a copy of the database file is told apart, since something else is to be done", async () => {
    expect(await refusalOf(database())).toMatchObject({ code: "snapshot-trailer-missing" });
  });

  test("also where the hashes were computed before", async () => {
    const bytes = buildSnapshot();
    const digests = { sha256: "", sizeBytes: bytes.length, trailer: "00", trailerMatches: false };
    expect(await refusalOf(bytes, { digests })).toMatchObject({ code: "snapshot-invalid" });
  });
});

test("keys of one transaction are in the live set in the order of their bytes", async () => {
  const changes: readonly ChangePlan[] = [
    { main: 2, key: "/b", value: "1" },
    { main: 2, sub: 1, key: "/a", value: "22", lease: 7n },
  ];
  const hash = createHash("sha256");
  for (const [name, value, lease] of [
    ["/a", "22", 7],
    ["/b", "1", 0],
  ] as const) {
    for (const number of [2, 2, 1, lease, 2, value.length]) {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt32BE(number, 4);
      hash.update(bytes);
    }
    hash.update(name + value);
  }
  const { liveSet, leases } = await readBytes(buildSnapshot({ changes }));
  expect(liveSet).toStrictEqual({ keys: 2, valueBytes: 3, sha256: hash.digest("hex") });
  expect(leases).toStrictEqual({ granted: 0, keys: 1, orphans: 1 });
});

test("a run that is cancelled stops reading, with the reason that it was given", async () => {
  const controller = new AbortController();
  const reason = new Error("cancelled");
  controller.abort(reason);
  const options = { signal: controller.signal, pause: () => Promise.resolve() };
  const slow = { ...createMemorySource(buildSnapshot({ changes: writes(30_000, key) })) };
  await expect(readSnapshot(slow, options)).rejects.toBe(reason);
});
