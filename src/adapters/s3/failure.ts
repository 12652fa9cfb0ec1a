import { isRegion } from "../../names.ts";

/** The facts that can be told of an error of the S3 client or of a socket, without a word of its message. */
export interface StoreFailure {
  /** HTTP status, when the store answered. */
  readonly status?: number;
  /** The S3 error code, or the class of an error that no server sent. */
  readonly name: string;
  /** `ECONNREFUSED`, `CERT_HAS_EXPIRED`, ... of a connection that failed. */
  readonly errno?: string;
  /** Where the bucket is, when the answer says so. */
  readonly region?: string;
}

/**
 * Reads an error of the AWS SDK by its shape, since it may come from more than one copy of the SDK's classes. Its message and its
 * enumerable fields are left alone: SignatureDoesNotMatch carries the canonical request with the session token.
 */
export function readFailure(error: unknown): StoreFailure {
  const status = fieldAt(error, "$metadata", "httpStatusCode") ?? fieldAt(error, "$response", "statusCode");
  const errno = fieldAt(error, "code");
  const headers = fieldAt(error, "$response", "headers");
  const region = [fieldAt(headers, "x-amz-bucket-region"), fieldAt(error, "Region")].find(isRegionName);
  return {
    name: codeText(fieldAt(error, "name")) ?? "Error",
    ...(typeof status === "number" ? { status } : {}),
    ...(typeof errno === "string" && /^[A-Z][A-Z0-9_]{2,60}$/.test(errno) ? { errno } : {}),
    ...(region === undefined ? {} : { region }),
  };
}

/** The text of a `<Code>` element, when it looks like one: it comes from the network and is going to be printed. */
export function codeText(value: unknown): string | undefined {
  return typeof value === "string" && /^[A-Za-z][A-Za-z0-9._]{0,63}$/.test(value) ? value : undefined;
}

function isRegionName(value: unknown): value is string {
  return typeof value === "string" && isRegion(value);
}

function fieldAt(value: unknown, ...path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Reflect.get(found, name);
  }
  return found;
}
