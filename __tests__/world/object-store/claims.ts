import type { CredentialScope } from "./canonical-request.ts";
import { S3Error, type S3ErrorCode } from "./s3-error.ts";
import { findParameter, type QueryParameter } from "./request-target.ts";

/** What a request says of its signature; nothing of it is proven yet. */
export interface SignatureClaims {
  readonly presigned: boolean;
  readonly accessKeyId: string;
  readonly scope: CredentialScope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** YYYYMMDDTHHMMSSZ. */
  readonly timestamp: string;
  readonly timestampMs: number;
  /** Only of a presigned URL. */
  readonly expiresInSeconds: number | undefined;
  readonly sessionToken: string | undefined;
  /** Hex SHA-256, UNSIGNED-PAYLOAD, or a STREAMING- value. */
  readonly payloadHash: string;
}

const algorithm = "AWS4-HMAC-SHA256";
/** "Authenticating requests: using query parameters": seven days. */
const expiryMaxSeconds = 604_800;

/** Throws AccessDenied for an anonymous request, and what S3 answers to a malformed one. */
export function parseClaims(headers: ReadonlyMap<string, string>, query: readonly QueryParameter[]): SignatureClaims {
  const header = headers.get("authorization");
  const signedQuery = query.some(({ name }) => name === "X-Amz-Algorithm" || name === "X-Amz-Signature");
  if (header !== undefined && signedQuery)
    throw new S3Error("InvalidArgument", "Only one auth mechanism allowed", {
      fields: { ArgumentName: "Authorization", ArgumentValue: header },
    });
  if (header !== undefined) return parseHeader(header, headers);
  if (signedQuery) return parseQueryClaims(headers, query);
  if (query.some(({ name }) => name === "AWSAccessKeyId")) throw unsupportedMechanism();
  throw new S3Error("AccessDenied", "Access Denied");
}

function parseHeader(header: string, headers: ReadonlyMap<string, string>): SignatureClaims {
  if (!header.startsWith(`${algorithm} `)) throw unsupportedMechanism();
  const fields = new Map(
    header
      .slice(algorithm.length)
      .split(",")
      .map((field) => field.trim())
      .map((field): [string, string] => [field.slice(0, field.indexOf("=")), field.slice(field.indexOf("=") + 1)]),
  );
  const [credential, signedHeaders, signature] = ["Credential", "SignedHeaders", "Signature"].map((name) => {
    const value = fields.get(name);
    if (value === undefined || value === "")
      throw new S3Error(
        "AuthorizationHeaderMalformed",
        `The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.`,
      );
    return value;
  });
  const timestamp = headers.get("x-amz-date");
  const timestampMs = parseTimestamp(timestamp);
  if (timestamp === undefined || timestampMs === undefined)
    throw new S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header");
  const payloadHash = headers.get("x-amz-content-sha256");
  if (payloadHash === undefined)
    throw new S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256");
  return {
    presigned: false,
    ...parseCredential(credential ?? "", "AuthorizationHeaderMalformed"),
    signedHeaders: (signedHeaders ?? "").split(";"),
    signature: signature ?? "",
    timestamp,
    timestampMs,
    expiresInSeconds: undefined,
    sessionToken: headers.get("x-amz-security-token"),
    payloadHash: checkPayloadHash(payloadHash),
  };
}

function parseQueryClaims(headers: ReadonlyMap<string, string>, query: readonly QueryParameter[]): SignatureClaims {
  const read = (name: string) => {
    const value = findParameter(query, name);
    if (value === undefined || value === "")
      throw queryError(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
      );
    return value;
  };
  if (read("X-Amz-Algorithm") !== algorithm)
    throw queryError(`X-Amz-Algorithm only supports "${algorithm} and AWS4-ECDSA-P256-SHA256"`);
  const expires = read("X-Amz-Expires");
  if (!/^-?\d+$/.test(expires)) throw queryError("X-Amz-Expires should be a number");
  const expiresInSeconds = Number(expires);
  if (expiresInSeconds < 0) throw queryError("X-Amz-Expires must be non-negative");
  if (expiresInSeconds > expiryMaxSeconds)
    throw queryError("X-Amz-Expires must be less than a week (in seconds) that is 604800");
  const timestamp = read("X-Amz-Date");
  const timestampMs = parseTimestamp(timestamp);
  if (timestampMs === undefined)
    throw queryError(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  return {
    presigned: true,
    ...parseCredential(read("X-Amz-Credential"), "AuthorizationQueryParametersError"),
    signedHeaders: read("X-Amz-SignedHeaders").split(";"),
    signature: read("X-Amz-Signature"),
    timestamp,
    timestampMs,
    expiresInSeconds,
    sessionToken: findParameter(query, "X-Amz-Security-Token"),
    payloadHash: checkPayloadHash(
      findParameter(query, "X-Amz-Content-Sha256") ?? headers.get("x-amz-content-sha256") ?? "UNSIGNED-PAYLOAD",
    ),
  };
}

function parseCredential(
  credential: string,
  code: S3ErrorCode,
): { readonly accessKeyId: string; readonly scope: CredentialScope } {
  const parts = credential.split("/");
  const [terminal = "", service = "", region = "", date = ""] = parts.slice(-4).reverse();
  const accessKeyId = parts.slice(0, -4).join("/");
  if (accessKeyId === "")
    throw new S3Error(
      code,
      `the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
    );
  return { accessKeyId, scope: { date, region, service, terminal } };
}

function checkPayloadHash(value: string): string {
  if (/^[0-9a-f]{64}$/.test(value) || value === "UNSIGNED-PAYLOAD" || value.startsWith("STREAMING-")) return value;
  throw new S3Error(
    "InvalidArgument",
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, or a valid sha256 value.",
    { fields: { ArgumentName: "x-amz-content-sha256", ArgumentValue: value } },
  );
}

function parseTimestamp(text: string | undefined): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text ?? "");
  if (!match) return undefined;
  const [year = "", month = "", day = "", hour = "", minute = "", second = ""] = match.slice(1);
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

function queryError(message: string): S3Error {
  return new S3Error("AuthorizationQueryParametersError", message);
}

function unsupportedMechanism(): S3Error {
  return new S3Error(
    "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
  );
}
