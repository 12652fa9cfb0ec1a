import { describe, expect, it } from "vitest";
import { createStoreConnection, type StoreSettings } from "../../../src/adapters/s3/client.ts";
import { checkCredentials, findGivenExpiry } from "../../../src/adapters/s3/credentials.ts";

const credentials = { accessKeyId: "AKID", secretAccessKey: "a/b+c=", sessionToken: "IQoJ//==" };

function connect(changes: Partial<StoreSettings>, environment: Readonly<Record<string, string>> = {}) {
  const settings = { bucket: "backups", forcePathStyle: false, checksums: "auto", credentials, ...changes } as const;
  const connection = createStoreConnection(settings, environment);
  connection.close();
  return connection;
}

const refusal = (code: string, text: string): unknown =>
  expect.objectContaining({ code, message: expect.stringContaining(text) as unknown });

describe("the region", () => {
  it.each<[Partial<StoreSettings>, Readonly<Record<string, string>>, string]>([
    [{ region: "eu-west-1" }, { AWS_REGION: "eu-west-2" }, "eu-west-1"],
    [{}, { AWS_REGION: "eu-west-2", AWS_DEFAULT_REGION: "eu-west-3" }, "eu-west-2"],
    [{}, { AWS_DEFAULT_REGION: "eu-west-3" }, "eu-west-3"],
    [{ endpoint: "https://store" }, { AWS_REGION: "eu-west-2" }, "us-east-1"],
    [{ endpoint: "https://store", region: "garage" }, {}, "garage"],
  ])("of %j in %j is %s", (changes, environment, region) => {
    expect(connect(changes, environment).region).toBe(region);
  });

  it("is missing on AWS without either", () => {
    expect(() => connect({})).toThrow(refusal("input-missing", "s3-region"));
  });

  it.each(["eu west", "../x", "eu/west"])("is never %j", (region) => {
    expect(() => connect({ region })).toThrow(refusal("input-invalid", "region"));
  });
});

describe("checksums", () => {
  it.each<[Partial<StoreSettings>, boolean]>([
    [{ region: "eu-west-1" }, true],
    [{ endpoint: "https://store" }, false],
    [{ endpoint: "https://store", checksums: "when-supported" }, true],
    [{ region: "eu-west-1", checksums: "when-required" }, false],
  ])("with %j are sent: %s", (changes, sent) => {
    expect(connect(changes).sendsChecksums).toBe(sent);
  });
});

describe("an ambient endpoint", () => {
  it.each(["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])("in %s is refused, for s3-endpoint alone is checked", (name) => {
    expect(() => connect({ region: "eu-west-1" }, { [name]: "http://store" })).toThrow(refusal("input-missing", name));
  });

  it("does not matter beside s3-endpoint, or when it is switched off", () => {
    connect({ endpoint: "https://store" }, { AWS_ENDPOINT_URL: "http://other" });
    connect({ region: "eu-west-1" }, { AWS_ENDPOINT_URL: "http://other", AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: "true" });
  });
});

describe("given credentials", () => {
  it.each([
    [{ ...credentials, secretAccessKey: "a\n" }, "input-invalid", "s3-secret-access-key"],
    [{ ...credentials, accessKeyId: "a b" }, "input-invalid", "s3-access-key-id"],
    [{ ...credentials, sessionToken: "a\r\n" }, "input-invalid", "s3-session-token"],
    [{ ...credentials, secretAccessKey: "" }, "input-missing", "s3-secret-access-key"],
    [{ ...credentials, accessKeyId: "schlüssel" }, "input-invalid", "s3-access-key-id"],
  ])("that no header can hold are refused by the input's name (%#)", (given, code, input) => {
    expect(() => {
      checkCredentials(given, "s3");
    }).toThrow(refusal(code, input));
  });

  it("of the key for URLs are named as such", () => {
    expect(() => connect({ region: "x", presignCredentials: { accessKeyId: "a", secretAccessKey: "b\n" } })).toThrow(
      refusal("input-invalid", "presign-secret-access-key"),
    );
  });

  it("end when the environment says so of the same key", () => {
    const AWS_CREDENTIAL_EXPIRATION = "2026-11-24T12:00:00Z";
    const expiry = (environment: Readonly<Record<string, string>>) => findGivenExpiry(credentials, environment);
    expect(expiry({ AWS_ACCESS_KEY_ID: "AKID", AWS_CREDENTIAL_EXPIRATION })).toEqual(
      new Date(AWS_CREDENTIAL_EXPIRATION),
    );
    expect(expiry({ AWS_ACCESS_KEY_ID: "OTHER", AWS_CREDENTIAL_EXPIRATION })).toBeUndefined();
    expect(expiry({ AWS_ACCESS_KEY_ID: "AKID", AWS_CREDENTIAL_EXPIRATION: "soon" })).toBeUndefined();
    expect(expiry({ AWS_ACCESS_KEY_ID: "AKID" })).toBeUndefined();
  });
});
