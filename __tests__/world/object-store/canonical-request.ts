import { createHash, createHmac } from "node:crypto";
import type { QueryParameter } from "./request-target.ts";

/** What a signature covers; header names in lower case, repeated headers joined by commas. */
export interface SignableRequest {
  readonly method: string;
  /** Percent-decoded. */
  readonly path: string;
  readonly query: readonly QueryParameter[];
  readonly headers: ReadonlyMap<string, string>;
}

export interface CredentialScope {
  /** YYYYMMDD. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminal: string;
}

/** "Create a canonical request" of the AWS Signature Version 4 specification, with S3's exceptions: one encoding, no normalising. */
export function renderCanonicalRequest(
  request: SignableRequest,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  const query = request.query
    .filter(({ name }) => name !== "X-Amz-Signature")
    .map(({ name, value }): readonly [string, string] => [encode(name), encode(value)])
    .sort((a, b) => compareText(a[0], b[0]) || compareText(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const headers = signedHeaders.map(
    (name) => `${name}:${(request.headers.get(name) ?? "").trim().replaceAll(/ +/g, " ")}\n`,
  );
  return [
    request.method,
    request.path.split("/").map(encode).join("/"),
    query,
    headers.join(""),
    signedHeaders.join(";"),
    payloadHash,
  ].join("\n");
}

export function renderScope(scope: CredentialScope): string {
  return [scope.date, scope.region, scope.service, scope.terminal].join("/");
}

export function renderStringToSign(canonicalRequest: string, timestamp: string, scope: CredentialScope): string {
  const hash = createHash("sha256").update(canonicalRequest).digest("hex");
  return ["AWS4-HMAC-SHA256", timestamp, renderScope(scope), hash].join("\n");
}

/** The signature in lower-case hex. */
export function signText(secretAccessKey: string, scope: CredentialScope, stringToSign: string): string {
  const key = [scope.date, scope.region, scope.service, scope.terminal].reduce<string | Buffer>(
    (previous, part) => createHmac("sha256", previous).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  return createHmac("sha256", key).update(stringToSign).digest("hex");
}

/** Order by code unit; the texts are percent-encoded, so ASCII. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** RFC 3986: everything but letters, digits and `-._~`. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
