import { expect, test } from "vitest";
import { isAwsEndpoint, parseEndpoint, refuseBucketInEndpoint } from "../../../src/action/inputs/endpoint.ts";
import { hasCode } from "../../../src/errors.ts";

test.each([
  ["https://s3.example.com", "https://s3.example.com"],
  ["https://S3.Example.COM:443/", "https://s3.example.com"],
  ["https://127.0.0.1:8443", "https://127.0.0.1:8443"],
  ["https://[::1]:8443", "https://[::1]:8443"],
  ["https://s3.example.com/storage/v1/s3/", "https://s3.example.com/storage/v1/s3"],
  ["https://10.0.0.1", "https://10.0.0.1"],
])("%s is taken as %s", (text, endpoint) => {
  expect(parseEndpoint(text, false)).toBe(endpoint);
});

test("http is taken only when it is allowed", () => {
  expect(parseEndpoint("http://127.0.0.1:9000", true)).toBe("http://127.0.0.1:9000");
  expect(refused("http://127.0.0.1:9000")).toBe(true);
});

test.each([
  "s3.example.com",
  "ftp://s3.example.com",
  "s3://bucket",
  "https://",
  "https:///s3.example.com",
  "https:s3.example.com",
  "https://user@s3.example.com",
  "https://user:password@s3.example.com",
  "https://s3.example.com/?x=1",
  "https://s3.example.com/?",
  "https://s3.example.com/#",
  "https://s3.example.com\\evil",
  "https://s3.exa mple.com",
  "https://s3.example.com\nx",
  "https://s3.example.com:99999",
])("%j is refused", (text) => {
  expect(refused(text)).toBe(true);
});

test.each([
  "169.254.169.254",
  "169.254.170.2",
  "169.254.169.254.",
  "2852039166",
  "0xa9fea9fe",
  "0251.0376.0251.0376",
  "[::ffff:169.254.169.254]",
  "[::169.254.169.254]",
  "[64:ff9b::169.254.169.254]",
  "[2002:a9fe:a9fe::1]",
  "[fe80::1]",
  "[fd00:ec2::254]",
  "[fd20:ce::254]",
  "168.63.129.16",
  "100.100.100.200",
  "metadata.google.internal",
  "METADATA.google.internal.",
])("the metadata address %s is refused", (host) => {
  expect(refused(`https://${host}/`)).toBe(true);
});

test("S3 at AWS is known by its name", () => {
  expect(isAwsEndpoint("https://s3.eu-west-1.amazonaws.com")).toBe(true);
  expect(isAwsEndpoint("https://s3.cn-north-1.amazonaws.com.cn")).toBe(true);
  expect(isAwsEndpoint("https://amazonaws.com.example.org")).toBe(false);
});

function refused(text: string): boolean {
  try {
    parseEndpoint(text, false);
    return false;
  } catch (error) {
    return hasCode(error, "input-invalid");
  }
}

test.each([
  ["https://account.r2.store.example/backups", "remove /backups"],
  ["https://store.example/s3/backups", "remove /backups"],
  ["https://store.example/backups/etcd", "remove /backups"],
  ["https://store.example/%62ackups", "remove /backups"],
  ["https://backups.store.example", 'remove "backups."'],
  ["https://backups.s3.eu-central-1.amazonaws.com", 'remove "backups."'],
])("field report 2: %s, which holds the bucket, is refused with what to remove", (endpoint, hint) => {
  expect(() => {
    refuseBucketInEndpoint(endpoint, "backups", false);
  }).toThrow(expect.objectContaining({ code: "input-invalid", hint: expect.stringContaining(hint) as string }));
});

test.each([
  ["https://store.example/storage/v1/s3", false],
  ["https://store.example/backups-of-others", false],
  ["https://backups:9000", false],
  ["https://backups-store.example", false],
  ["https://backups.store.example", true],
])("%s is taken (style given: %s)", (endpoint, styleGiven) => {
  refuseBucketInEndpoint(endpoint, "backups", styleGiven);
});
