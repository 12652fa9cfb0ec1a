import { describe, expect, it } from "vitest";
import { describeStoreError, type StoreCall, type StoreOperation } from "../../../src/adapters/s3/errors.ts";
import { codeText, readFailure } from "../../../src/adapters/s3/failure.ts";
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
    inForce: { checksums: true, pathStyle: false, encryption: undefined, extraAuthorities: false },
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
      "ListObjectVersions",
      "store-access-denied",
      /s3:ListBucketVersions on arn:aws:s3:::backups$/,
    ],
    [answer(403, "AccessDenied"), "AbortMultipartUpload", "store-access-denied", /s3:AbortMultipartUpload/],
    // Field reports 11 and 16: a code that the store names decides, not the class of its status.
    [answer(403, "QuotaExceeded"), "UploadPart", "store-refused", /is full/],
    [answer(403, "XMinioAdminBucketQuotaExceeded"), "UploadPart", "store-refused", /is full/],
    [answer(507, "InsufficientStorage"), "UploadPart", "store-refused", /is full/],
    [answer(507, "XMinioStorageFull"), "UploadPart", "store-refused", /is full/],
    [answer(403, "TotalStorageExceeded"), "UploadPart", "store-refused", /is full/],
    [answer(403, "storage_cap_exceeded"), "PutObject", "store-refused", /is full/],
    [answer(403, "UserSuspended"), "PutObject", "store-refused", /ask the store's operator/],
    [answer(403, "ArrearOverdue"), "PutObject", "store-refused", /ask the store's operator/],
    [answer(403, "AccessKeyDisabled"), "PutObject", "store-credentials-rejected", /s3-access-key-id/],
    [answer(403, "TokenExpired"), "GetObject", "store-credentials-expired", /longer session/],
    [answer(429, "TooManyRequests"), "GetObject", "store-unreachable", /fewer requests/],
    [answer(429, "UnknownError"), "GetObject", "store-unreachable", /in trouble/],
    [answer(403, "AccountProblem"), "PutObject", "store-refused", /ask the store's operator/],
    [answer(403, "AllAccessDisabled"), "HeadObject", "store-refused", /disabled all access/],
    [answer(403, "InvalidObjectState"), "GetObject", "object-unreadable", /archived/],
    [answer(400, "KMS.DisabledException"), "GetObject", "object-unreadable", /s3-kms-key-id/],
    [answer(400, "KMS.DisabledException"), "PutObject", "store-refused", /s3-kms-key-id/],
    [answer(405, "MethodNotAllowed"), "PutObject", "store-refused", /does not allow this/],
    [answer(403, "AccessDenied"), "PutObject", "store-access-denied", /s3-server-side-encryption/],
    // Field report 6: without a region in the answer, the region may be wrong as well as the key.
    [answer(400, "AuthorizationHeaderMalformed"), "PutObject", "store-credentials-rejected", /s3-region/],
    [
      answer(400, "AuthorizationHeaderMalformed", { Region: "NL" }),
      "PutObject",
      "store-wrong-region",
      /s3-region: NL$/,
    ],
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
    [answer(503, "SlowDown"), "UploadPart", "store-unreachable", /later/],
    [broken("ECONNREFUSED"), "HeadObject", "store-unreachable", /s3-endpoint/],
    [broken("ENOTFOUND"), "HeadObject", "store-unreachable", /s3-endpoint/],
    [broken("ECONNRESET"), "UploadPart", "store-unreachable", /log for a refusal/],
    [broken("DEPTH_ZERO_SELF_SIGNED_CERT"), "HeadObject", "store-unreachable", /NODE_EXTRA_CA_CERTS/],
    [broken("CERT_HAS_EXPIRED"), "HeadObject", "store-unreachable", /not trusted/],
    [broken("ERR_TLS_CERT_ALTNAME_INVALID"), "HeadObject", "store-unreachable", /another name/],
    [broken("ERR_PROXY_TUNNEL"), "HeadObject", "store-unreachable", /HTTPS_PROXY/],
    [Object.assign(new Error(secret), { name: "TimeoutError" }), "HeadObject", "store-unreachable", /s3-endpoint/],
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

describe("field report 5: no hint advises what is in force already", () => {
  const inForce = { checksums: false, pathStyle: true, encryption: "aws:kms", extraAuthorities: true };
  it.each<[Error, StoreOperation, RegExp]>([
    [answer(501, "NotImplemented"), "PutObject", /s3-checksums/],
    [answer(400, "InvalidPart"), "CompleteMultipartUpload", /s3-checksums/],
    [answer(403, "AccessDenied"), "PutObject", /set s3-server-side-encryption/],
    [broken("ERR_TLS_CERT_ALTNAME_INVALID"), "HeadObject", /s3-force-path-style: true/],
    [broken("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "HeadObject", /give the store's CA/],
  ])("%s at %s", (error, operation, advice) => {
    const bucket = "backups.example";
    expect(describeStoreError(error, call(operation, { bucket })).hint).toMatch(advice);
    const { hint } = describeStoreError(error, call(operation, { bucket, inForce }));
    expect(hint).toMatch(/\w+ \w+/);
    expect(hint).not.toMatch(advice);
  });
});

it.each([
  ["etcd/prod/clusters/example/20261124T120000Z-0123abcd.db", "backups/etcd/prod/clusters/example/*"],
  ["a.db", "backups/*"],
])("what is denied for %s is granted for its folder: the name is drawn by chance", (key, resource) => {
  const { hint = "" } = describeStoreError(answer(403, "AccessDenied"), call("HeadObject", { key }));
  expect(hint).toContain(`grant s3:GetObject on arn:aws:s3:::${resource}, and s3:ListBucket`);
  expect(hint).toContain("is s3-prefix another one than that of the policy");
});
