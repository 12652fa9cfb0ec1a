import { expect, test } from "vitest";
import { listVerifyOptOuts } from "../../../src/action/inputs/verify.ts";
import { ActionError } from "../../../src/errors.ts";
import { parseVerify, type GivenInputs } from "./input-builder.ts";

test("a stored snapshot is proven with the store of its address, and within the pins", () => {
  const key = Buffer.alloc(32, 7);
  expect(
    parseVerify({
      "encryption-key": key.toString("base64"),
      "hosted-cluster": "example",
      "s3-prefix": "/prod/",
      "max-age": "26h",
    }),
  ).toStrictEqual({
    source: {
      kind: "stored",
      store: { bucket: "backups", region: "eu-central-1", forcePathStyle: false, checksums: "auto" },
      snapshot: { bucket: "backups", key: "clusters/example/20261124T120000Z-0123abcd.db" },
    },
    request: {
      encryptionKeys: [key],
      identities: [],
      pins: { prefix: "prod", hostedCluster: { namespace: "clusters", name: "example" } },
      maxAgeMs: 93_600_000,
      allowUnrecorded: false,
    },
  });
});

test("a file needs nothing of a store", () => {
  expect(parseVerify({ "snapshot-uri": "backups/a.db", "s3-region": "" })).toStrictEqual({
    source: { kind: "file", path: "backups/a.db" },
    request: { encryptionKeys: [], identities: [], pins: {}, allowUnrecorded: false },
  });
});

test.each<[GivenInputs, string, string]>([
  [{ "snapshot-uri": "" }, "input-missing", "snapshot-uri"],
  [{ "snapshot-uri": "Latest" }, "input-invalid", "snapshot-uri"],
  [{ "snapshot-uri": "a\nb.db" }, "input-invalid", "snapshot-uri"],
  [{ "snapshot-uri": "https://s3.example.com/a.db" }, "input-invalid", "snapshot-uri"],
  [{ "snapshot-uri": "s3://backups/a.json" }, "input-invalid", "snapshot-uri"],
  [{ "s3-bucket": "others" }, "input-invalid", "s3-bucket"],
  [{ "s3-region": "" }, "input-missing", "s3-region"],
  [{ "dry-run": "true" }, "input-invalid", "dry-run"],
  [{ "encryption-key": "secret" }, "input-invalid", "encryption-key"],
  [{ "max-age": "0d" }, "input-invalid", "max-age"],
  [{ "max-age": "1d", "allow-unrecorded": "true" }, "input-invalid", "allow-unrecorded"],
])("%j: %s", (given, code, name) => {
  const error = refusalOf(given);
  expect(error.code).toBe(code);
  expect(error.message).toContain(name);
  expect(error.hint).toMatch(/\w+ \w+/);
});

test("what a signed URL ends with is never shown", () => {
  const error = refusalOf({ "snapshot-uri": "a.db?X-Amz-Signature=cAnArY" });
  expect(`${error.message} ${error.hint ?? ""}`).not.toContain("cAnArY");
});

test("each opt-out in use is listed", () => {
  expect(listVerifyOptOuts(parseVerify())).toStrictEqual([]);
  const inputs = parseVerify({
    "allow-insecure-endpoint": "true",
    "s3-endpoint": "http://127.0.0.1:9000",
    "allow-unrecorded": "true",
  });
  expect(listVerifyOptOuts(inputs).map((text) => text.replace(/:.*/, ""))).toStrictEqual([
    "allow-insecure-endpoint",
    "allow-unrecorded",
  ]);
});

function refusalOf(given: GivenInputs): ActionError {
  try {
    parseVerify(given);
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
  throw new Error("the inputs were accepted");
}
