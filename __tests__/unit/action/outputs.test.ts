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
  [{ snapshotUri: "a\nb" }],
  [{ renderedManifest: "/tmp/a\rb" }],
  [{ revision: Number.NaN }],
  [{ apiDowntimeSeconds: Infinity }],
])("%o is refused", (outputs) => {
  expect(() => write(outputs)).toThrow(expect.toSatisfy((error) => hasCode(error, "internal")));
});
