import { ActionError } from "../../errors.ts";
import type { StoreSettings } from "../../adapters/s3/client.ts";
import { isAwsBucketName, isAwsRegion, isBucketName, isRegion } from "../../names.ts";
import { isAwsEndpoint, parseEndpoint, refuseBucketInEndpoint } from "./endpoint.ts";
import { hintBucket, hintPrefix } from "./store-hints.ts";
import type { Environment, Given, InputName, ReadInput } from "./names.ts";
import {
  findChoice,
  findText,
  invalidInput,
  invalidSecret,
  missingInput,
  readBoolean,
  readDuration,
  readFields,
} from "./value.ts";

type StoreKey = NonNullable<StoreSettings["credentials"]>;

const checksumChoices = ["auto", "when-supported", "when-required"] as const;
const encryptionChoices = ["AES256", "aws:kms", "aws:kms:dsse"] as const;

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
  "s3-server-side-encryption",
  "s3-kms-key-id",
] as const satisfies readonly InputName[];

/** True when one of the store's inputs is set. */
export function isStoreGiven({ read }: Given): boolean {
  return ownNames.some((name) => findText(read, name) !== undefined);
}

/** The inputs of a store that signs URLs; see readStore. */
export function readSigningStore(given: Given, fixedBucket?: string): StoreSettings {
  const { store, ...signing } = readFields({
    store: () => readStore(given, fixedBucket),
    presignCredentials: () => findKeyPair(given.read, "presign-access-key-id", "presign-secret-access-key"),
  });
  return { ...store, ...signing };
}

/** The inputs of the store; `fixedBucket` is the one of snapshot-uri. Throws `input-missing`, `input-invalid`. */
export function readStore({ read, environment }: Given, fixedBucket?: string): StoreSettings {
  const endpoint = findText(read, "s3-endpoint");
  const isAws = endpoint === undefined || (URL.canParse(endpoint) && isAwsEndpoint(endpoint));
  return readFields({
    bucket: () => readBucket(read, { endpoint, isAws, fixedBucket }),
    region: () => readRegion(read, environment, isAws),
    endpoint: () => {
      const allowInsecure = readBoolean(read, "allow-insecure-endpoint", false);
      return endpoint === undefined ? undefined : parseEndpoint(endpoint, allowInsecure);
    },
    forcePathStyle: () => readBoolean(read, "s3-force-path-style", endpoint !== undefined),
    credentials: () => {
      const credentials = findCredentials(read);
      if (credentials === undefined) refuseOddEnvironment(environment);
      return credentials;
    },
    expectedBucketOwner: () => findOwner(read, isAws),
    checksums: () => findChoice(read, "s3-checksums", checksumChoices) ?? "auto",
    serverSideEncryption: () => findServerSideEncryption(read),
    kmsKeyId: () => findKmsKeyId(read),
  });
}

function findOwner(read: ReadInput, isAws: boolean): string | undefined {
  const owner = findText(read, "s3-expected-bucket-owner");
  const rule = isAws ? /^\d{12}$/ : /^[\w$@.:-]{1,128}$/;
  if (owner !== undefined && !rule.test(owner))
    throw invalidInput("s3-expected-bucket-owner", owner, {
      rule: isAws ? "an AWS account id of 12 digits" : "the id of the bucket's owner in this store",
      hint: "quote it in YAML: a number loses the zeros at its beginning",
    });
  return owner;
}

export function readPresignExpiry(read: ReadInput): number {
  return readDuration(read, "presign-expires-in", { fallback: "1h", shortest: "1m", longest: "7d" }) / 1_000;
}

/** One sentence where the snapshot travels in clear, for a warning. */
export function listStoreOptOuts(store: StoreSettings | undefined): readonly string[] {
  const insecure = store?.endpoint?.startsWith("http://") ?? false;
  return insecure ? ["allow-insecure-endpoint: the snapshot crosses the network in clear"] : [];
}

/** A key without KMS would be passed over by the store. */
function findServerSideEncryption(read: ReadInput): StoreSettings["serverSideEncryption"] {
  const chosen = findChoice(read, "s3-server-side-encryption", encryptionChoices);
  if (findText(read, "s3-kms-key-id") !== undefined && (chosen === undefined || chosen === "AES256"))
    throw invalidInput("s3-server-side-encryption", chosen ?? "", {
      rule: "aws:kms or aws:kms:dsse beside s3-kms-key-id",
      hint: "set one of the two, or leave s3-kms-key-id out: a store encrypts with a key of KMS only when it is asked to",
    });
  return chosen;
}

function findKmsKeyId(read: ReadInput): string | undefined {
  const id = findText(read, "s3-kms-key-id");
  if (id !== undefined && !/^[\x21-\x7e]{1,2048}$/.test(id))
    throw invalidInput("s3-kms-key-id", id, {
      rule: "one line of printable ASCII characters without blanks",
      hint: "give the id, the ARN or the alias of the key",
    });
  return id;
}

/**
 * The prefix without slashes at its ends; empty when there is none. Only characters that every store, proxy and shell
 * takes as they are: `%2e%2e` or a backslash would be another path for some of them.
 */
export function readPrefix(read: ReadInput): string {
  const text = findText(read, "s3-prefix") ?? "";
  const prefix = text.replace(/^\/+|\/+$/g, "");
  const segments = prefix === "" ? [] : prefix.split("/");
  if (!segments.every((segment) => /^[\w!*'()=@+,:&$.-]+$/.test(segment) && ![".", "..", "*"].includes(segment)))
    throw invalidInput("s3-prefix", text, {
      rule: "a path of letters, digits and -_.!*'()=@+,:&$ with one slash between two parts, none of them ., .. or *",
      hint: hintPrefix(text),
    });
  return prefix;
}

function readBucket(
  read: ReadInput,
  {
    endpoint,
    isAws,
    fixedBucket,
  }: { readonly endpoint: string | undefined; readonly isAws: boolean; readonly fixedBucket: string | undefined },
): string {
  const given = findText(read, "s3-bucket");
  const bucket = given ?? fixedBucket;
  if (bucket === undefined) throw missingInput("s3-bucket", "the name of the bucket that takes the snapshots");
  if (isAws ? !isAwsBucketName(bucket) : !isBucketName(bucket))
    throw invalidInput(given === undefined ? "snapshot-uri" : "s3-bucket", bucket, {
      rule: isAws
        ? "3 to 63 lower-case letters, digits, dots and hyphens, without s3://"
        : "a name of letters, digits, dots, hyphens and underscores, without s3://",
      hint: hintBucket(bucket, isAws),
    });
  if (fixedBucket !== undefined && bucket !== fixedBucket)
    throw invalidInput("s3-bucket", bucket, {
      rule: `${fixedBucket}, the bucket of snapshot-uri`,
      hint: "leave s3-bucket out, or look whether snapshot-uri is the one that you meant",
    });
  if (endpoint !== undefined && URL.canParse(endpoint))
    refuseBucketInEndpoint(endpoint, bucket, findText(read, "s3-force-path-style") !== undefined);
  return bucket;
}

function readRegion(read: ReadInput, env: Environment, isAws: boolean): string {
  const expected = isAws
    ? "lower-case letters, digits and hyphens, such as eu-central-1"
    : "letters, digits, hyphens and underscores, as the store's operator writes it";
  const given = findText(read, "s3-region");
  if (given !== undefined) {
    const [, regionOfZone] = (isAws && /^([a-z]{2}(?:-[a-z]+)+-\d)[a-z]$/.exec(given)) || [];
    if (regionOfZone !== undefined || (isAws ? !isAwsRegion(given) : !isRegion(given)))
      throw invalidInput("s3-region", given, {
        rule: expected,
        hint:
          regionOfZone === undefined
            ? "give the code of the region and not its name; a store outside of AWS mostly takes us-east-1"
            : `that is a zone, and its region is ${regionOfZone}`,
      });
    return given;
  }
  // Stores other than AWS take this one where they were not told another.
  if (!isAws) return "us-east-1";
  for (const name of ["AWS_REGION", "AWS_DEFAULT_REGION"]) {
    const ambient = env[name]?.trim() ?? "";
    if (ambient === "") continue;
    if (isAwsRegion(ambient)) return ambient;
    throw new ActionError("input-invalid", `the environment variable ${name} is no region`, {
      hint: `set s3-region to ${expected}`,
    });
  }
  throw missingInput("s3-region", "the region of the bucket, or AWS_REGION in the environment");
}

function findCredentials(read: ReadInput): StoreKey | undefined {
  const { pair, sessionToken } = readFields({
    pair: () => findKeyPair(read, "s3-access-key-id", "s3-secret-access-key"),
    sessionToken: () => findKey(read, "s3-session-token"),
  });
  if (pair === undefined && sessionToken !== undefined)
    throw missingInput("s3-access-key-id", "the key that s3-session-token belongs to, with s3-secret-access-key");
  if (pair === undefined) return undefined;
  return { ...pair, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

function findKeyPair(read: ReadInput, idName: InputName, secretName: InputName): StoreKey | undefined {
  const { accessKeyId, secretAccessKey } = readFields({
    accessKeyId: () => findKey(read, idName),
    secretAccessKey: () => findKey(read, secretName),
  });
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined) throw missingInput(idName, `the key id that ${secretName} belongs to`);
  if (secretAccessKey === undefined) throw missingInput(secretName, `the secret that ${idName} belongs to`);
  return { accessKeyId, secretAccessKey };
}

/** Never shown, the key id neither: it is where a secret lands that was pasted into the wrong line. */
export function findKey(read: ReadInput, name: InputName): string | undefined {
  const text = findText(read, name);
  if (text !== undefined && !/^[\x21-\x7e]{1,8192}$/.test(text))
    throw invalidSecret(name, {
      rule: "one line of printable ASCII characters without blanks",
      hint: `store the secret again: ${name} was pasted with a line break, a blank or something around it`,
    });
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
