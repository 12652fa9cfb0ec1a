import type { Account } from "./accounts.ts";
import { renderCanonicalRequest, renderStringToSign, signText, type SignableRequest } from "./canonical-request.ts";
import { parseClaims, type SignatureClaims } from "./claims.ts";
import { notImplemented, S3Error } from "./s3-error.ts";

export interface VerificationContext {
  readonly accounts: ReadonlyMap<string, Account>;
  readonly nowMs: number;
  /** Region of the bucket that is asked for; undefined when there is no such bucket. */
  readonly region: string | undefined;
}

export interface VerifiedRequest {
  readonly account: Account;
  readonly presigned: boolean;
  /** Hex SHA-256 that the body must have; undefined when it is not signed. */
  readonly payloadSha256: string | undefined;
}

/** "RequestTimeTooSkewed" of the S3 API reference. */
const skewMaxMs = 15 * 60_000;

/** Verifies a signature in the Authorization header or in the query; throws what S3 answers. */
export function verifyRequest(request: SignableRequest, context: VerificationContext): VerifiedRequest {
  const claims = parseClaims(request.headers, request.query);
  checkScope(claims, context.region);
  checkTime(claims, context.nowMs);
  const account = findAccount(claims, context);
  checkSignedHeaders(claims, request.headers);
  checkSignature(claims, request, account);
  if (claims.payloadHash.startsWith("STREAMING-")) throw notImplemented("x-amz-content-sha256");
  return {
    account,
    presigned: claims.presigned,
    payloadSha256: claims.payloadHash === "UNSIGNED-PAYLOAD" ? undefined : claims.payloadHash,
  };
}

function checkScope({ presigned, scope, timestamp }: SignatureClaims, region: string | undefined): void {
  const refuse = (problem: string, fields: Readonly<Record<string, string>> = {}) =>
    presigned
      ? new S3Error("AuthorizationQueryParametersError", `Error parsing the X-Amz-Credential parameter; ${problem}`, {
          fields,
        })
      : new S3Error("AuthorizationHeaderMalformed", `The authorization header is malformed; ${problem}`, { fields });
  if (scope.terminal !== "aws4_request")
    throw refuse(`incorrect terminal "${scope.terminal}". This endpoint uses "aws4_request".`);
  if (scope.service !== "s3") throw refuse(`incorrect service "${scope.service}". This endpoint belongs to "s3".`);
  if (scope.date !== timestamp.slice(0, 8))
    throw refuse(
      `Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${timestamp.slice(0, 8)}".`,
    );
  if (region !== undefined && scope.region !== region)
    throw refuse(`the region '${scope.region}' is wrong; expecting '${region}'`, { Region: region });
}

function checkTime({ timestampMs, expiresInSeconds, timestamp }: SignatureClaims, nowMs: number): void {
  const serverTime = renderTime(nowMs);
  if (expiresInSeconds === undefined) {
    if (Math.abs(nowMs - timestampMs) <= skewMaxMs) return;
    throw new S3Error(
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
      {
        fields: { RequestTime: timestamp, ServerTime: serverTime, MaxAllowedSkewMilliseconds: String(skewMaxMs) },
      },
    );
  }
  if (timestampMs - nowMs > skewMaxMs)
    throw new S3Error("AccessDenied", "Request is not yet valid", { fields: { ServerTime: serverTime } });
  const expiresMs = timestampMs + expiresInSeconds * 1000;
  if (nowMs > expiresMs)
    throw new S3Error("AccessDenied", "Request has expired", {
      fields: {
        "X-Amz-Expires": String(expiresInSeconds),
        Expires: renderTime(expiresMs),
        ServerTime: serverTime,
      },
    });
}

function findAccount(claims: SignatureClaims, { accounts, nowMs }: VerificationContext): Account {
  const account = accounts.get(claims.accessKeyId);
  const token = claims.sessionToken;
  // S3 does not know the id of temporary credentials without their token.
  if (account === undefined || (account.sessionToken !== undefined && token === undefined))
    throw new S3Error("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", {
      fields: { AWSAccessKeyId: claims.accessKeyId },
    });
  if (token !== account.sessionToken)
    throw new S3Error("InvalidToken", "The provided token is malformed or otherwise invalid.", {
      fields: { "Token-0": token ?? "" },
    });
  if (account.expiresAt !== undefined && nowMs >= account.expiresAt.getTime())
    throw new S3Error("ExpiredToken", "The provided token has expired.", { fields: { "Token-0": token ?? "" } });
  return account;
}

/** "You must include the host header and any x-amz-* header in the canonical headers", or the request is refused. */
function checkSignedHeaders({ signedHeaders }: SignatureClaims, headers: ReadonlyMap<string, string>): void {
  const unsigned = [...headers.keys()].filter(
    (name) => (name === "host" || name.startsWith("x-amz-")) && !signedHeaders.includes(name),
  );
  if (unsigned.length === 0) return;
  throw new S3Error("AccessDenied", "There were headers present in the request which were not signed", {
    fields: { HeadersNotSigned: unsigned.join(", ") },
  });
}

function checkSignature(claims: SignatureClaims, request: SignableRequest, account: Account): void {
  const canonicalRequest = renderCanonicalRequest(request, claims.signedHeaders, claims.payloadHash);
  const stringToSign = renderStringToSign(canonicalRequest, claims.timestamp, claims.scope);
  if (signText(account.secretAccessKey, claims.scope, stringToSign) === claims.signature) return;
  throw new S3Error(
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    {
      // S3 sends these back, a session token in clear among them: a client that prints the body leaks.
      fields: {
        AWSAccessKeyId: claims.accessKeyId,
        StringToSign: stringToSign,
        SignatureProvided: claims.signature,
        StringToSignBytes: renderBytes(stringToSign),
        CanonicalRequest: canonicalRequest,
        CanonicalRequestBytes: renderBytes(canonicalRequest),
      },
    },
  );
}

function renderBytes(text: string): string {
  return (Buffer.from(text).toString("hex").match(/../g) ?? []).join(" ");
}

function renderTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
