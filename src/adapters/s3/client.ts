import http from "node:http";
import https from "node:https";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { ActionError } from "../../errors.ts";
import { isRegion } from "../../names.ts";
import { limits as defaultLimits } from "../../time-limits.ts";
import { checked } from "../tls.ts";
import { readProxyEnvironment, type Environment } from "../../kubeconfig/proxies.ts";
import type { Learnt } from "./answers.ts";
import { checkCredentials, type StoreCredentials } from "./credentials.ts";
import { refuseProfileProgram } from "./profile.ts";

export type StoreLimits = {
  readonly [
    Name in
      | "storeConnectMs"
      | "storeRequestMs"
      | "storeTries"
      | "storeBytesPerSecond"
      | "storeRateWindowMs"
      | "storeAnswerMs"
      | "storeAnswerMaxBytes"
      | "storePages"
      | "clockWarnMs"
  ]: number;
};

/** Which store, bucket and credentials, as the inputs say; all of it validated but for the credentials' characters. */
export interface StoreSettings {
  readonly bucket: string;
  /** Absent: `us-east-1` with an endpoint, else the ambient AWS_REGION. */
  readonly region?: string;
  /** Absent: AWS. */
  readonly endpoint?: string;
  readonly forcePathStyle: boolean;
  /** Absent: the default chain of the AWS SDK. */
  readonly credentials?: StoreCredentials;
  /** A long-lived key that signs URLs, for short ones. */
  readonly presignCredentials?: StoreCredentials;
  readonly expectedBucketOwner?: string;
  readonly checksums: "auto" | "when-supported" | "when-required";
  /** Asked of the store for each object. */
  readonly serverSideEncryption?: "AES256" | "aws:kms" | "aws:kms:dsse";
  /** With KMS alone; absent: the store's default key. */
  readonly kmsKeyId?: string;
  readonly limits?: Partial<StoreLimits>;
}

export interface StoreConnection {
  readonly client: S3Client;
  /** Signs URLs, sends nothing. */
  readonly signer: S3Client;
  readonly httpAgent: http.Agent;
  readonly httpsAgent: https.Agent;
  readonly region: string;
  /** For messages: host name and port, or the service of AWS. */
  readonly host: string;
  readonly limits: StoreLimits;
  /** True when CRC32 is named at creation and repeated at completion; else the signed SHA-256 is all, or Content-MD5 beside it. */
  readonly sendsChecksums: boolean;
  /** True where the user gave authorities of their own. */
  readonly extraAuthorities: boolean;
  readonly learnt: Learnt;
  readonly close: () => void;
}

/** More than parts in flight, so that a look at an object never waits behind them. */
const maxSockets = 32;

const silent = { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };

/**
 * Opens no connection yet. Throws `input-missing` without a region or with an ambient endpoint that is not an input,
 * `input-invalid` for credentials with line breaks or an unusable proxy.
 */
export function createStoreConnection(settings: StoreSettings, environment: Environment): StoreConnection {
  if (settings.credentials) checkCredentials(settings.credentials, "s3");
  if (settings.presignCredentials) checkCredentials(settings.presignCredentials, "presign");
  if (settings.credentials === undefined) refuseProfileProgram(environment);
  const region = findRegion(settings, environment);
  checkAmbientEndpoint(settings, environment);
  const limits = { ...defaultLimits, ...settings.limits };
  const { httpAgent, httpsAgent } = createAgents(environment);
  const sendsChecksums =
    settings.checksums === "auto" ? settings.endpoint === undefined : settings.checksums === "when-supported";
  const base: S3ClientConfig = {
    region,
    forcePathStyle: settings.forcePathStyle,
    followRegionRedirects: false,
    // The hash over the whole object is checked by whoever reads it; the parameter would make signed URLs longer.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestChecksumCalculation: "WHEN_REQUIRED",
    logger: silent,
    // The SDK would take one from ~/.aws/config too, unseen by the checks that s3-endpoint goes through.
    ignoreConfiguredEndpointUrls: true,
    ...(settings.endpoint === undefined
      ? {}
      : { endpoint: settings.endpoint, useFipsEndpoint: false, useDualstackEndpoint: false }),
    ...(settings.credentials === undefined ? {} : { credentials: settings.credentials }),
  };
  const client = new S3Client({
    ...base,
    requestChecksumCalculation: sendsChecksums ? "WHEN_SUPPORTED" : "WHEN_REQUIRED",
    maxAttempts: limits.storeTries,
    retryMode: "standard",
    // With it the SDK opens a connection for each part, or waits for stores that never send "100 Continue".
    expectContinueHeader: false,
    requestHandler: {
      httpAgent,
      httpsAgent,
      connectionTimeout: limits.storeConnectMs,
      requestTimeout: limits.storeRequestMs,
      throwOnRequestTimeout: true,
      // The kernel takes the end of a body at once and sends it slowly, which looks like silence: at 32 KiB/s, 3.7 MiB of it.
      socketTimeout: limits.storeRequestMs,
      logger: silent,
    },
  });
  const signer = new S3Client({
    ...base,
    ...(settings.presignCredentials === undefined ? {} : { credentials: settings.presignCredentials }),
  });
  return {
    client,
    signer,
    httpAgent,
    httpsAgent,
    region,
    host: settings.endpoint === undefined ? `S3 in ${region}` : new URL(settings.endpoint).host,
    limits,
    sendsChecksums,
    extraAuthorities: (environment["NODE_EXTRA_CA_CERTS"] ?? "") !== "",
    learnt: { conditionalWrites: true, confirmsEncryption: true, asksForMd5: false, clockOffsetMs: 0 },
    close: () => {
      client.destroy();
      signer.destroy();
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

function findRegion(settings: StoreSettings, environment: Environment): string {
  const ambient = environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"];
  const region = settings.region ?? (settings.endpoint === undefined ? ambient : "us-east-1");
  if (region !== undefined && isRegion(region)) return region;
  throw new ActionError(
    region === undefined || region === "" ? "input-missing" : "input-invalid",
    region === undefined || region === "" ? "s3-region is not set" : "the region of the bucket is no region name",
    { hint: "set s3-region, or AWS_REGION as aws-actions/configure-aws-credentials does" },
  );
}

/** A user who sets these means another store than AWS. */
function checkAmbientEndpoint(settings: StoreSettings, environment: Environment): void {
  if (settings.endpoint !== undefined || environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] === "true") return;
  const name = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].find((variable) => (environment[variable] ?? "") !== "");
  if (name === undefined) return;
  throw new ActionError("input-missing", `${name} is set in the environment, but s3-endpoint is not`, {
    hint: "give the endpoint as s3-endpoint, or set AWS_IGNORE_CONFIGURED_ENDPOINT_URLS to true for AWS",
  });
}

/** Neither the SDK nor NODE_USE_ENV_PROXY reaches agents that are not made with `proxyEnv`. */
function createAgents(environment: Environment): { httpAgent: http.Agent; httpsAgent: https.Agent } {
  const options = { keepAlive: true, maxSockets, proxyEnv: readProxyEnvironment(environment) };
  return { httpAgent: new http.Agent(options), httpsAgent: new https.Agent({ ...options, ...checked }) };
}

function ignore(): void {
  // The SDK's logger: its lines may hold headers.
}
