import { describe, expect, test } from "vitest";
import { readRawKeys } from "../../../src/encryption/raw-keys.ts";

// With every digit that base64url writes otherwise.
const key = Buffer.from("fb".repeat(32), "hex");
const text = key.toString("base64");

describe("the keys of encryption-key", () => {
  test.each<[string, string, readonly Buffer[]]>([
    ["none", "", []],
    ["one", `${text}\n`, [key]],
    ["two, one a line", `${text}\r\n${Buffer.alloc(16, 1).toString("base64")}`, [key, Buffer.alloc(16, 1)]],
    ["two with a blank", `${text} ${Buffer.alloc(24, 1).toString("base64")}`, [key, Buffer.alloc(24, 1)]],
  ])("%s: read as they are", (_, given, expected) => {
    expect(readRawKeys(given)).toEqual({ values: expected, problems: [] });
  });

  test.each<[string, string, RegExp]>([
    ["the name of the Secret", "example-etcd-encryption-key", /^is a name: give the key/],
    ["the Secret as YAML", `apiVersion: v1\nkind: Secret\ndata:\n  key: ${text}\n`, /^begins an object/],
    ["the Secret as JSON", `{"data":{"key":"${text}"}}`, /^begins an object/],
    ["the line of the Secret", `key: ${text}`, /^has a name before the key/],
    ["quotes", `"${text}"`, /^stands in quotes/],
    ["hexadecimal digits", key.toString("hex"), /^is written in hexadecimal digits/],
    ["base64 for URLs", key.toString("base64url"), /^is not base64 as Kubernetes writes it/],
    ["base64 without its end", text.replace(/=+$/, ""), /^is not base64 as Kubernetes writes it/],
    ["base64 twice", Buffer.from(text).toString("base64"), /^is base64 twice/],
    ["base64 twice, with a line break", Buffer.from(`${text}\n`).toString("base64"), /^is base64 twice/],
    ["another length", Buffer.alloc(31, 7).toString("base64"), /^is base64 of 31 bytes/],
    ["an identity of age", "AGE-SECRET-KEY-1QQQ", /^is an identity of age: give it as age-identity/],
    ["a recipient of age", "age1qqq", /^is a recipient of age/],
    ["a path", "keys/example.key", /^is the path of a file/],
    ["a third key", [1, 2, 3].map((n) => Buffer.alloc(32, n).toString("base64")).join("\n"), /^is a third key/],
    ["something else", "hunter2!", /^is not base64$/],
  ])("%s is told as such, and not shown", (_, given, expected) => {
    const { problems } = readRawKeys(given);
    expect(problems.map(({ problem }) => problem)).toEqual([expect.stringMatching(expected)]);
    expect(JSON.stringify(problems)).not.toContain(given.trim());
  });
});
