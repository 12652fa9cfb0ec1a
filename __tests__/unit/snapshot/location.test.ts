import { describe, expect, test } from "vitest";
import {
  formatSnapshotUri,
  isSafeKey,
  parseSnapshotUri,
  recordKey,
  snapshotKey,
} from "../../../src/snapshot/location.ts";

test("the key of a snapshot is a function of its run", () => {
  const key = snapshotKey({
    prefix: "backups/prod",
    namespace: "clusters",
    name: "example",
    acquired: new Date("2026-11-24T01:02:03.456Z"),
    nonce: "0123456789abcdef0123456789abcdef",
  });
  expect(key).toBe("backups/prod/clusters/example/20261124T010203Z-01234567.db");
  expect(recordKey(key)).toBe("backups/prod/clusters/example/20261124T010203Z-01234567.json");
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
    "s3://Bucket/a.db",
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
