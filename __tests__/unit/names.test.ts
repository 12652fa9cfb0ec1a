import { describe, expect, it } from "vitest";
import { isAwsBucketName, isAwsRegion, isBucketName, isNamespace, isObjectName, isRegion } from "../../src/names.ts";

describe("field report 6: the rules of AWS hold for AWS alone", () => {
  it.each(["GRA", "NL", "US", "eu-central-1", "garage", "RegionOne", "dc_2"])("region %s", (region) => {
    expect(isRegion(region)).toBe(true);
    expect(isAwsRegion(region)).toBe(/^[a-z0-9-]+$/.test(region));
  });

  it.each(["Backups", "my_backups", "b".repeat(200), "backups.example"])("bucket %s", (bucket) => {
    expect(isBucketName(bucket)).toBe(true);
    expect(isAwsBucketName(bucket)).toBe(bucket === "backups.example");
  });
});

it.each(["", ".", "..", "a/b", "../x", "a b", "a\n", "a..b", "-a", "é"])("%j is no name of anything", (text) => {
  for (const isName of [isRegion, isAwsRegion, isBucketName, isAwsBucketName, isObjectName, isNamespace])
    expect(isName(text)).toBe(false);
});

it.each([
  ["example", true, true],
  ["a.example", true, false],
  ["a".repeat(63), true, true],
  ["a".repeat(64), true, false],
  ["a".repeat(254), false, false],
  ["Example", false, false],
  ["a.-b", false, false],
])("%s is the name of an object: %s, and of a namespace: %s", (text, object, namespace) => {
  expect([isObjectName(text), isNamespace(text)]).toStrictEqual([object, namespace]);
});
