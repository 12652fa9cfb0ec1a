import type { S3Client } from "@aws-sdk/client-s3";
import { ActionError } from "../../errors.ts";
import type { Log } from "../../ports.ts";
import type { Environment } from "../../kubeconfig/proxies.ts";

/** A key of an object store, as the user gave it. */
export interface StoreCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/**
 * Throws `input-invalid` for a value that cannot be part of a signed request, with the name of its input: a line break, which a
 * pasted secret often ends with, would come back from the SDK as a TypeError about a header.
 */
export function checkCredentials(credentials: StoreCredentials, inputPrefix: "s3" | "presign"): void {
  const values = [
    ["access-key-id", credentials.accessKeyId],
    ["secret-access-key", credentials.secretAccessKey],
    ["session-token", credentials.sessionToken],
  ] as const;
  for (const [name, value] of values) {
    const input = `${inputPrefix}-${name}`;
    if (value === "") throw new ActionError("input-missing", `${input} is empty`, { hint: `set ${input}` });
    if (value !== undefined && !isPrintable(value))
      throw new ActionError("input-invalid", `${input} holds a line break, a blank or another character no key has`, {
        hint: `store the secret behind ${input} again, without line breaks`,
      });
  }
}

function isPrintable(value: string): boolean {
  return /^[\x21-\x7e]+$/.test(value);
}

/**
 * Says once where the SDK's default chain found its key: on a machine of one's own it may be another one than meant. The check
 * that is returned throws the chain's error when there is none, and `store-credentials-rejected` for a key no header can hold.
 */
export function createAmbientCheck(client: S3Client, log: Log | undefined): () => Promise<void> {
  let said = false;
  return async () => {
    const credentials = await client.config.credentials();
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    if (![accessKeyId, secretAccessKey, sessionToken].every((value) => value === undefined || isPrintable(value)))
      throw new ActionError("store-credentials-rejected", "the ambient AWS credentials hold a line break or a blank", {
        hint: "look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN: a pasted secret often ends with a line break",
      });
    if (!said) log?.info(`The store's credentials are the ambient ones of AWS (${renderSource(credentials)}).`);
    said = true;
  };
}

/** The SDK marks where credentials come from: `CREDENTIALS_ENV_VARS`, `CREDENTIALS_IMDS`, ... */
function renderSource(credentials: object): string {
  const marks: unknown = Reflect.get(credentials, "$source");
  const source = typeof marks === "object" && marks !== null ? Object.keys(marks).at(-1) : undefined;
  return (source ?? "of unknown origin")
    .replace(/^CREDENTIALS_/, "")
    .toLowerCase()
    .replaceAll("_", " ");
}

/**
 * When credentials that the user gave end. AWS_CREDENTIAL_EXPIRATION is about the ambient ones, so it counts only where they
 * are the same key; undefined when nothing says so.
 */
export function findGivenExpiry(credentials: StoreCredentials, environment: Environment): Date | undefined {
  if (environment["AWS_ACCESS_KEY_ID"] !== credentials.accessKeyId) return undefined;
  return parseExpiry(environment["AWS_CREDENTIAL_EXPIRATION"]);
}

/** When the credentials of the SDK's default chain end; undefined when they do not say. */
export async function findAmbientExpiry(client: S3Client): Promise<Date | undefined> {
  const { expiration } = await client.config.credentials();
  return expiration && !Number.isNaN(expiration.getTime()) ? expiration : undefined;
}

function parseExpiry(text: string | undefined): Date | undefined {
  const time = new Date(text ?? "");
  return Number.isNaN(time.getTime()) ? undefined : time;
}
