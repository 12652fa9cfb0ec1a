import { describe, expect, test } from "vitest";
import {
  clusterFolder,
  findSnapshotRun,
  formatSnapshotUri,
  isSafeKey,
  parseSnapshotUri,
  recordKey,
  recordKeyOf,
  sealedKeyKey,
  snapshotKey,
  snapshotKeys,
} from "../../../src/snapshots/location.ts";

test("keys of snapshots and of their one record are a function of their run", () => {
  const run = {
    prefix: "backups/prod",
    namespace: "clusters",
    name: "example",
    acquired: new Date("2026-11-24T01:02:03.456Z"),
    nonce: "0123456789abcdef0123456789abcdef",
  };
  const path = "backups/prod/clusters/example/20261124T010203Z-01234567";
  expect(snapshotKeys(run, ["etcd-1"])).toEqual([`${path}.db`]);
  expect(snapshotKeys(run, ["etcd-0", "etcd-1"])).toEqual([`${path}-etcd-0.db`, `${path}-etcd-1.db`]);
  expect(recordKey(run)).toBe(`${path}.json`);
  expect(sealedKeyKey(run)).toBe(`${path}.key.age`);
  for (const key of [snapshotKey(run), snapshotKey(run, "etcd-1")]) expect(recordKeyOf(key)).toBe(`${path}.json`);
  expect(recordKeyOf("by-hand-etcd-0.db")).toBe("by-hand-etcd-0.json");
  // Never the snapshot itself, which would be read as its own record.
  expect(recordKeyOf("by-hand")).toBe("by-hand.json");
});

test("a key tells the run that it is a function of", () => {
  const cluster = { prefix: "", namespace: "clusters", name: "example" };
  const acquired = new Date("2026-11-24T01:02:03Z");
  const key = snapshotKey({ ...cluster, acquired, nonce: "0123456789abcdef0123456789abcdef" });
  const folder = clusterFolder(cluster);
  expect(findSnapshotRun(folder, key)).toMatchObject({ acquired, nonce8: "01234567" });
  expect(findSnapshotRun(folder, key.replace(".db", "-etcd-2.db"))).toMatchObject({ acquired, nonce8: "01234567" });
});

test.each([
  "clusters/example/20261124T010203Z-01234567.json",
  "clusters/example/20261124T010203Z-01234567.key.age",
  "clusters/example/20261124T010203Z-01234567-etcd-x.db",
  "clusters/example/20261324T010203Z-01234567.db",
  "clusters/example/20261124T010203Z-0123456G.db",
  "clusters/example/by-hand.db",
  "clusters/example/old/20261124T010203Z-01234567.db",
  "clusters/example2/20261124T010203Z-01234567.db",
  "prefix/clusters/example/20261124T010203Z-01234567.db",
])("%s is no key of a run of clusters/example", (key) => {
  expect(findSnapshotRun("clusters/example/", key)).toBeUndefined();
});

test.each(["s3://bucket/a.db", "s3://my.bucket-1/prefix/clusters/example/20261124T010203Z-01234567.db"])(
  "%s is read as it was written",
  (uri) => {
    expect(formatSnapshotUri(parseSnapshotUri(uri))).toBe(uri);
  },
);

describe("what is no address of a snapshot is refused", () => {
  test.each([
    "bucket/a.db",
    "https://bucket/a.db",
    "s3://bucket",
    "s3://bucket/a.json",
    "s3://bucket/../a.db",
    "s3://bucket/x/./a.db",
    "s3://bucket//a.db",
    "s3://bu/a.db",
    "s3://Buck et/a.db",
    "s3://b..ucket/a.db",
    "s3://192.168.0.1/a.db",
    "s3://bucket/a\n.db",
    "s3://bucket/a\\b.db",
    `s3://bucket/${"a".repeat(1024)}.db`,
  ])("%j", (text) => {
    expect(() => parseSnapshotUri(text)).toThrow(expect.objectContaining({ code: "input-invalid" }));
  });
});

test("a key that leaves its folder is not safe", () => {
  expect(isSafeKey("a/b.db")).toBe(true);
  expect(isSafeKey("a/../b.db")).toBe(false);
});
