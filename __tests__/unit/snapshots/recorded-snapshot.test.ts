import { describe, expect, test } from "vitest";
import { readKnownSnapshot } from "../../../src/snapshots/recorded-snapshot.ts";
import { rejectedCode } from "../restore/expectations.ts";
import { createMemoryStore, type MemoryStoreOptions } from "../restore/memory-store.ts";
import { buildRecord, snapshot, snapshotBytes, snapshotUri } from "../restore/record-builder.ts";

const read = (options: MemoryStoreOptions) =>
  readKnownSnapshot(snapshot, createMemoryStore(options), { allowUnrecorded: false });

test("a snapshot is read with the record beside it, and the fields that this version does not know", async () => {
  const record = { ...buildRecord(), future: { field: 1 } };
  const { recorded } = await read({ record });
  expect(recorded?.recordUri).toBe("s3://backups/prod/clusters/tenant/20261124T120000Z-01234567.json");
  expect(recorded?.entry.uri).toBe(snapshotUri);
  expect(recorded?.record).toEqual(record);
});

test("of several snapshots in a record the one that was asked for is taken", async () => {
  const [entry] = buildRecord().snapshots;
  const other = { ...entry, uri: `${snapshotUri}-other.db`, sizeBytes: 1 };
  const { snapshots: _, ...record } = buildRecord();
  const text = JSON.stringify({ ...record, snapshots: [other, entry] });
  expect((await read({ record: text })).recorded?.entry.sizeBytes).toBe(snapshotBytes.length);
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
  expect((await read({ record, object: { versionId: "a", metadata: {} } })).versionId).toBe("a");
});

test("a snapshot without a record is known by its object alone, where that is allowed", async () => {
  const store = createMemoryStore({ record: null, object: { versionId: "a" } });
  const known = await readKnownSnapshot(snapshot, store, { allowUnrecorded: true });
  expect(known).toEqual({ snapshot, sizeBytes: snapshotBytes.length, versionId: "a" });
});

test("a record that is there is read, and judged, also where none is needed", async () => {
  const store = createMemoryStore({ record: "{" });
  expect(await rejectedCode(readKnownSnapshot(snapshot, store, { allowUnrecorded: true }))).toBe("record-invalid");
});
