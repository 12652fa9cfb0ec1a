import { describe, expect, test } from "vitest";
import { parseBackup, parseRestore, parseVerify, refusal, type GivenInputs } from "./input-builder.ts";

const latest: GivenInputs = {
  "snapshot-uri": "latest",
  "s3-bucket": "backups",
  "s3-prefix": "/prod/",
  "hosted-cluster": "example",
  "hosted-cluster-namespace": "tenants",
};
const latestOf = { prefix: "prod", namespace: "tenants", name: "example" };

describe("latest", () => {
  test("is of the hosted cluster below the prefix of the bucket", () => {
    expect(parseRestore(latest).request.snapshot).toEqual({ latestOf });
    expect(parseRestore(latest).store.bucket).toBe("backups");
    expect(parseVerify(latest).source).toMatchObject({
      ...{ kind: "stored", snapshot: { latestOf } },
      store: { bucket: "backups" },
    });
  });

  test("takes a slash for a bucket without a prefix, and clusters for a namespace that is not given", () => {
    const given = { ...latest, "s3-prefix": "/", "hosted-cluster-namespace": "" };
    expect(parseVerify(given).source).toMatchObject({
      snapshot: { latestOf: { prefix: "", namespace: "clusters", name: "example" } },
    });
  });

  test.each(["s3-bucket", "s3-prefix", "hosted-cluster"] as const)("needs %s", (name) => {
    for (const parse of [parseRestore, parseVerify]) {
      const { code, message } = refusal(() => parse({ ...latest, [name]: "" }));
      expect([code, message]).toEqual(["input-missing", expect.stringContaining(name)]);
    }
  });
});

describe("keep-*", () => {
  test("without any, nothing is ever removed", () => {
    expect(parseBackup().request).not.toHaveProperty("retention");
  });

  test("each is a rule", () => {
    const given: GivenInputs = {
      ...{ "keep-last": "2", "keep-daily": " 7 ", "keep-weekly": "4" },
      ...{ "keep-monthly": "12", "keep-within": "30d" },
    };
    expect(parseBackup(given).request.retention).toEqual({
      ...{ last: 2, daily: 7, weekly: 4, monthly: 12 },
      withinMs: 30 * 86_400_000,
    });
  });

  test.each<[string, string]>([
    ["keep-last", "0"],
    ["keep-last", "-1"],
    ["keep-last", "all"],
    ["keep-last", "1.5"],
    ["keep-last", "007"],
    ["keep-daily", "0"],
    ["keep-weekly", "10001"],
    ["keep-monthly", "1e3"],
    ["keep-within", "0d"],
    ["keep-within", "30"],
    ["keep-within", "59m"],
  ])("%s: %s is refused", (name, value) => {
    const { code, message } = refusal(() => parseBackup({ [name]: value }));
    expect([code, message]).toEqual(["input-invalid", expect.stringContaining(name)]);
  });
});
