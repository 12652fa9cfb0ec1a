import { describe, expect, it } from "vitest";
import { describeStoreError, type StoreCall, type StoreOperation } from "../../../src/adapters/s3-errors.ts";
import { codeText, readFailure } from "../../../src/adapters/s3-failure.ts";
import { ActionError, type ErrorCode } from "../../../src/errors.ts";

const secret = "canonical request with a t0ken";

/** As the SDK throws it for an answer of the store. */
function answer(status: number, name: string, more: object = {}): Error {
  return Object.assign(new Error(secret), {
    name,
    $metadata: { httpStatusCode: status },
    StringToSign: secret,
    ...more,
  });
}

/** As Node throws it for a connection. */
function broken(code: string): Error {
  return Object.assign(new Error(secret), { code });
}

function call(operation: StoreOperation, changes: Partial<StoreCall> = {}): StoreCall {
  return {
    operation,
    bucket: "backups",
    key: "a.db",
    host: "store:9000",
    region: "us-east-1",
    credentialsGiven: true,
    ...changes,
  };
}

describe("describeStoreError", () => {
  it.each<[Error, StoreOperation, ErrorCode, RegExp]>([
    [answer(403, "InvalidAccessKeyId"), "HeadObject", "store-credentials-rejected", /s3-access-key-id/],
    [answer(403, "SignatureDoesNotMatch"), "HeadObject", "store-credentials-rejected", /s3-secret-access-key/],
    [answer(404, "XAdminUserNotFound"), "HeadObject", "store-credentials-rejected", /s3-access-key-id/],
    [answer(403, "NotSignedUp"), "HeadObject", "store-credentials-rejected", /s3-access-key-id/],
    [answer(400, "InvalidToken"), "UploadPart", "store-credentials-rejected", /s3-session-token/],
    [answer(403, "RequestTimeTooSkewed"), "UploadPart", "store-credentials-rejected", /clock/],
    [answer(401, "Unknown"), "UploadPart", "store-credentials-rejected", /s3-access-key-id/],
    [answer(400, "AuthorizationHeaderMalformed"), "UploadPart", "store-credentials-rejected", /s3-access-key-id/],
    [answer(400, "ExpiredToken"), "UploadPart", "store-credentials-expired", /role-duration-seconds/],
    [
      answer(403, "AccessDenied"),
      "DeleteObjectVersion",
      "store-access-denied",
      /s3:DeleteObjectVersion on arn:aws:s3:::backups\/a.db/,
    ],
    [answer(403, "AccessDenied"), "AbortMultipartUpload", "store-access-denied", /s3:AbortMultipartUpload/],
    [answer(403, "Forbidden"), "HeadObject", "store-access-denied", /s3:ListBucket/],
    [answer(301, "PermanentRedirect"), "PutObject", "store-wrong-region", /bucket's region/],
    [
      answer(400, "AuthorizationHeaderMalformed", { Region: "eu-west-3" }),
      "PutObject",
      "store-wrong-region",
      /eu-west-3/,
    ],
    [answer(404, "NoSuchBucket"), "PutObject", "bucket-not-found", /s3-bucket/],
    [answer(404, "NoSuchKey"), "GetObject", "object-not-found", /^$/],
    [answer(404, "NotFound"), "GetObject", "store-refused", /s3-endpoint/],
    [answer(404, "NoSuchVersion"), "GetObjectVersion", "object-not-found", /^$/],
    [answer(404, "NoSuchUpload"), "UploadPart", "store-refused", /lifecycle/],
    [answer(412, "PreconditionFailed"), "PutObject", "object-exists", /never overwritten/],
    [answer(304, "NotModified"), "CompleteMultipartUpload", "object-exists", /never overwritten/],
    [answer(412, "PreconditionFailed"), "GetObject", "store-refused", /^$/],
    [answer(400, "InvalidPart"), "CompleteMultipartUpload", "store-refused", /s3-checksums/],
    [answer(503, "SlowDown"), "UploadPart", "store-refused", /later/],
    [broken("ECONNREFUSED"), "HeadObject", "store-unreachable", /s3-endpoint/],
    [broken("ENOTFOUND"), "HeadObject", "store-unreachable", /s3-endpoint/],
    [broken("ECONNRESET"), "UploadPart", "store-unreachable", /log for a refusal/],
    [broken("DEPTH_ZERO_SELF_SIGNED_CERT"), "HeadObject", "store-unreachable", /NODE_EXTRA_CA_CERTS/],
    [broken("CERT_HAS_EXPIRED"), "HeadObject", "store-unreachable", /not trusted/],
    [broken("ERR_TLS_CERT_ALTNAME_INVALID"), "HeadObject", "store-unreachable", /another name/],
    [broken("ERR_PROXY_TUNNEL"), "HeadObject", "store-unreachable", /HTTPS_PROXY/],
    [Object.assign(new Error(secret), { name: "TimeoutError" }), "HeadObject", "store-unreachable", /s3-endpoint/],
    [Object.assign(new Error(secret), { name: "AbortError" }), "HeadObject", "cancelled", /^$/],
    [
      Object.assign(new Error(secret), { name: "CredentialsProviderError" }),
      "HeadObject",
      "store-credentials-missing",
      /s3-access-key-id/,
    ],
    [new TypeError(secret), "HeadObject", "store-refused", /^$/],
  ])("says of %o in %s: %s", (error, operation, code, hint) => {
    const described = describeStoreError(error, call(operation));
    expect(described.code).toBe(code);
    expect(described.hint ?? "").toMatch(hint);
    expect(described.message).toContain("s3://backups/a.db");
    expect(described.cause).toBe(error);
    expect(`${described.message} ${described.hint ?? ""}`).not.toMatch(/t0ken|undefined|\[object|\(\)/);
  });

  it("names the variables of ambient credentials", () => {
    const described = describeStoreError(
      answer(403, "SignatureDoesNotMatch"),
      call("HeadObject", { credentialsGiven: false }),
    );
    expect(described.hint).toContain("AWS_SECRET_ACCESS_KEY");
  });

  it("explains certificates of buckets with dots", () => {
    const described = describeStoreError(
      broken("ERR_TLS_CERT_ALTNAME_INVALID"),
      call("HeadObject", { bucket: "my.backups" }),
    );
    expect(described.hint).toContain("s3-force-path-style");
  });

  it("leaves an ActionError as it is", () => {
    const error = new ActionError("input-invalid", "x");
    expect(describeStoreError(error, call("HeadObject"))).toBe(error);
  });
});

describe("readFailure", () => {
  it("takes nothing that a server could have made up for printing", () => {
    const failure = readFailure(answer(403, "::error::x", { code: "a\nb", Region: "eu\nwest" }));
    expect(failure).toEqual({ name: "Error", status: 403 });
  });

  it("finds the region in a header, before the body", () => {
    const $response = { headers: { "x-amz-bucket-region": "eu-west-1" } };
    expect(readFailure(answer(301, "X", { $response, Region: "eu-west-2" })).region).toBe("eu-west-1");
  });

  it.each([undefined, null, "text", 7])("reads %j as an error without a word", (thrown) => {
    expect(readFailure(thrown)).toEqual({ name: "Error" });
  });
});

it.each([
  ["NoSuchKey", "NoSuchKey"],
  ["", undefined],
  ["a b", undefined],
  ["x".repeat(65), undefined],
  [undefined, undefined],
])("codeText(%j) is %j", (value, text) => {
  expect(codeText(value)).toBe(text);
});
