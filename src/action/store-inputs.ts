import { ActionError } from "../errors.ts";
import { isBucketName } from "../snapshot/location.ts";
import { isAwsEndpoint, parseEndpoint } from "./endpoint.ts";
import type { Environment, InputName, ReadInput } from "./input-names.ts";
import { findChoice, findText, invalidInput, invalidSecret, missingInput, readBoolean } from "./input-value.ts";

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const checksumChoices = ["auto", "when-supported", "when-required"] as const;
type Checksums = (typeof checksumChoices)[number];

export interface StoreInputs {
  readonly bucket: string;
  readonly region: string;
  /** Absent: AWS. Without a slash at its end. */
  readonly endpoint?: string;
  readonly forcePathStyle: boolean;
  /** Absent: the ambient AWS environment and its default chain. */
  readonly credentials?: AccessKey & { readonly sessionToken?: string };
  /** Signs URLs in place of the other credentials; best a long-lived read-only key, for short URLs. */
  readonly presignCredentials?: AccessKey;
  readonly expectedBucketOwner?: string;
  readonly checksums: Checksums;
}

/** The inputs that only a store gives a meaning; the others have defaults, or say something without one. */
const ownNames = [
  "s3-bucket",
  "s3-region",
  "s3-endpoint",
  "s3-force-path-style",
  "s3-access-key-id",
  "s3-secret-access-key",
  "s3-session-token",
  "s3-expected-bucket-owner",
] as const satisfies readonly InputName[];

/** Undefined when none of the store's inputs is set; else as parseStoreInputs. */
export function findStoreInputs(read: ReadInput, env: Environment): StoreInputs | undefined {
  return ownNames.some((name) => findText(read, name) !== undefined) ? parseStoreInputs(read, env) : undefined;
}

/** The inputs of the store; `fixedBucket` is the one of snapshot-uri. Throws `input-missing`, `input-invalid`. */
export function parseStoreInputs(read: ReadInput, env: Environment, fixedBucket?: string): StoreInputs {
  const allowInsecure = readBoolean(read, "allow-insecure-endpoint", false);
  const endpointText = findText(read, "s3-endpoint");
  const endpoint = endpointText === undefined ? undefined : parseEndpoint(endpointText, allowInsecure);
  const credentials = findCredentials(read);
  if (credentials === undefined) refuseOddEnvironment(env);
  const presignCredentials = findKeyPair(read, "presign-access-key-id", "presign-secret-access-key");
  const owner = findText(read, "s3-expected-bucket-owner");
  if (owner !== undefined && !/^\d{12}$/.test(owner))
    throw invalidInput("s3-expected-bucket-owner", owner, "an AWS account id of 12 digits");
  return {
    bucket: readBucket(read, fixedBucket),
    region: readRegion(read, env, endpoint),
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: readBoolean(read, "s3-force-path-style", endpoint !== undefined),
    ...(credentials === undefined ? {} : { credentials }),
    ...(presignCredentials === undefined ? {} : { presignCredentials }),
    ...(owner === undefined ? {} : { expectedBucketOwner: owner }),
    checksums: findChoice(read, "s3-checksums", checksumChoices) ?? "auto",
  };
}

/**
 * The prefix without slashes at its ends; empty when there is none. Only characters that every store, proxy and shell
 * takes as they are: `%2e%2e` or a backslash would be another path for some of them.
 */
export function readPrefix(read: ReadInput): string {
  const text = findText(read, "s3-prefix") ?? "";
  const prefix = text.replace(/^\/+|\/+$/g, "");
  const segments = prefix === "" ? [] : prefix.split("/");
  if (!segments.every((segment) => /^[\w!*'()=@+,:&$.-]+$/.test(segment) && segment !== "." && segment !== ".."))
    throw invalidInput(
      "s3-prefix",
      text,
      "a path of letters, digits and -_.!*'()=@+,:&$ with one slash between two parts, none of them . or ..",
    );
  return prefix;
}

function readBucket(read: ReadInput, fixedBucket: string | undefined): string {
  const bucket = findText(read, "s3-bucket");
  if (bucket === undefined) {
    if (fixedBucket !== undefined) return fixedBucket;
    throw missingInput("s3-bucket", "the name of the bucket that takes the snapshots");
  }
  if (!isBucketName(bucket))
    throw invalidInput("s3-bucket", bucket, "3 to 63 lower-case letters, digits, dots and hyphens, without s3://");
  if (fixedBucket !== undefined && bucket !== fixedBucket)
    throw invalidInput("s3-bucket", bucket, `left out, or ${fixedBucket} as in snapshot-uri`);
  return bucket;
}

function readRegion(read: ReadInput, env: Environment, endpoint: string | undefined): string {
  const expected = "lower-case letters, digits and hyphens, such as eu-central-1";
  const isRegion = (text: string) => /^[a-z0-9-]{1,63}$/.test(text);
  const given = findText(read, "s3-region");
  if (given !== undefined) {
    if (!isRegion(given)) throw invalidInput("s3-region", given, expected);
    return given;
  }
  // Stores other than AWS take this one where they were not told another.
  if (endpoint !== undefined && !isAwsEndpoint(endpoint)) return "us-east-1";
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) {
    const ambient = env[name]?.trim() ?? "";
    if (ambient === "") continue;
    if (isRegion(ambient)) return ambient;
    throw new ActionError("input-invalid", `the environment variable ${name} is no region`, {
      hint: `set s3-region to ${expected}`,
    });
  }
  throw missingInput("s3-region", "the region of the bucket, or AWS_REGION in the environment");
}

function findCredentials(read: ReadInput): StoreInputs["credentials"] {
  const pair = findKeyPair(read, "s3-access-key-id", "s3-secret-access-key");
  const sessionToken = findKey(read, "s3-session-token");
  if (pair === undefined && sessionToken !== undefined)
    throw missingInput("s3-access-key-id", "the key that s3-session-token belongs to, with s3-secret-access-key");
  if (pair === undefined) return undefined;
  return { ...pair, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function findKeyPair(read: ReadInput, idName: InputName, secretName: InputName): AccessKey | undefined {
  const accessKeyId = findKey(read, idName);
  const secretAccessKey = findKey(read, secretName);
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined) throw missingInput(idName, `the key id that ${secretName} belongs to`);
  if (secretAccessKey === undefined) throw missingInput(secretName, `the secret that ${idName} belongs to`);
  return { accessKeyId, secretAccessKey };
}

/** Never shown, the key id neither: it is where a secret lands that was pasted into the wrong line. */
export function findKey(read: ReadInput, name: InputName): string | undefined {
  const text = findText(read, name);
  if (text !== undefined && !/^[\x21-\x7e]{1,8192}$/.test(text))
    throw invalidSecret(name, "one line of printable ASCII characters without blanks");
  return text;
}

/** A line feed in a key is an invalid header, which the client reports without the variable's name. */
function refuseOddEnvironment(env: Environment): void {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
    if (!/^[\x21-\x7e]*$/.test(env[name] ?? ""))
      throw new ActionError("input-invalid", `the environment variable ${name} holds a blank or a line feed`, {
        hint: `set ${name} to one line of printable ASCII characters without blanks`,
      });
}
