import { describe, expect, test } from "vitest";
import { readRecordedSnapshot } from "../../../src/restore/recorded-snapshot.ts";
import { rejectedCode } from "./expectations.ts";
import { createMemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
import { buildRecord, snapshot, snapshotUri } from "./record-builder.ts";

const read = (options: MemoryStoreOptions) => readRecordedSnapshot(snapshot, createMemoryStore(options));

test("a snapshot is read with the record beside it, and the fields that this version does not know", async () => {
  const record = { ...buildRecord(), future: { field: 1 } };
  const { recordUri, entry, record: found } = await read({ record });
  expect(recordUri).toBe("s3://backups/prod/clusters/tenant/20261124T120000Z-01234567.json");
  expect(entry.uri).toBe(snapshotUri);
  expect(found).toEqual(record);
});

test("of several snapshots in a record the one that was asked for is taken", async () => {
  const [entry] = buildRecord().snapshots;
  const other = { ...entry, uri: `${snapshotUri}-other.db`, sizeBytes: 1 };
  const { snapshots: _, ...record } = buildRecord();
  const text = JSON.stringify({ ...record, snapshots: [other, entry] });
  expect((await read({ record: text })).entry.sizeBytes).toBe(4_128);
});

describe("what is not proven is refused", () => {
  test.each<[string, MemoryStoreOptions, string]>([
    ["no snapshot", { object: null }, "object-not-found"],
    ["no record", { record: null }, "record-missing"],
    ["a record that is no JSON", { record: "{" }, "record-invalid"],
    [
      "a record of another version",
      { record: JSON.stringify({ ...buildRecord(), schemaVersion: 2 }) },
      "record-invalid",
    ],
    ["a record of 2 MiB", { record: JSON.stringify({ ...buildRecord(), x: "x".repeat(2 ** 21) }) }, "record-invalid"],
    [
      "a record of another snapshot",
      { record: buildRecord({ snapshot: { uri: "s3://backups/other.db" } }) },
      "record-invalid",
    ],
    [
      "a record of the same key elsewhere",
      { record: buildRecord({ snapshot: { uri: snapshotUri.replace("backups", "copies") } }) },
      "record-invalid",
    ],
    ["an object of another length", { object: { sizeBytes: 4_640 } }, "snapshot-changed"],
    ["an object of another tool, which wrote no nonce", { object: { metadata: {} } }, "snapshot-changed"],
    ["an object of another run", { object: { metadata: { nonce: "f".repeat(32) } } }, "snapshot-changed"],
    [
      "an object of another version",
      { object: { versionId: "b" }, record: buildRecord({ snapshot: { versionId: "a" } }) },
      "snapshot-changed",
    ],
    ["an object without its version", { record: buildRecord({ snapshot: { versionId: "a" } }) }, "snapshot-changed"],
  ])("%s", async (_, options, code) => {
    expect(await rejectedCode(read(options))).toBe(code);
  });
});

test("the recorded version is accepted, and metadata that a copy lost", async () => {
  const record = buildRecord({ snapshot: { versionId: "a" } });
  expect((await read({ record, object: { versionId: "a", metadata: {} } })).entry.versionId).toBe("a");
});
