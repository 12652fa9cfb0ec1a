import http from "node:http";
import https from "node:https";
import { GetObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { ActionError, hasCode } from "../../errors.ts";
import { checkKey, describeCall, describeCallError, waitForRetry, type StoreContext } from "./calls.ts";
import type { StoreConnection } from "./client.ts";
import { codeText, readFailure } from "./failure.ts";

/** The longest life SigV4 allows; the presigner's own error for more is not a sentence for a user. */
const expiryMaxSeconds = 7 * 24 * 3600;

/** A GET URL of an object. Throws `input-invalid` for a life that SigV4 does not allow. */
export async function signUrl(
  context: StoreContext,
  key: string,
  options: { readonly expiresInSeconds: number; readonly versionId?: string },
): Promise<string> {
  const { expiresInSeconds, versionId } = options;
  if (!Number.isInteger(expiresInSeconds) || expiresInSeconds < 1 || expiresInSeconds > expiryMaxSeconds)
    throw new ActionError("input-invalid", `a signed URL cannot be valid for ${expiresInSeconds} seconds`, {
      hint: "give presign-expires-in as 1m to 7d",
    });
  checkKey(key);
  const command = new GetObjectCommand({
    // Without the bucket's owner: it would make the URL longer, and some stores refuse it there.
    Bucket: context.settings.bucket,
    Key: key,
    ...(versionId === undefined ? {} : { VersionId: versionId }),
  });
  try {
    return await getSignedUrl(context.connection.signer, command, {
      expiresIn: expiresInSeconds,
      // The store judges its age by its own clock.
      signingDate: new Date(Date.now() + context.connection.learnt.clockOffsetMs),
    });
  } catch (error) {
    throw describeCallError(context, describeCall(context, "SignUrl", key), error);
  }
}

/**
 * The length of the object behind a signed URL, by a GET of its first byte: a HEAD is refused, since the method is signed. Sent as
 * HyperShift's curl does it: without credentials, redirects not followed.
 * Throws `snapshot-url-rejected` with HTTP status and S3 code, `store-unreachable`, `cancelled`.
 */
export async function tryUrl(context: StoreContext, url: URL): Promise<number> {
  const { connection, signal } = context;
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(connection, url, signal);
    } catch (error) {
      const refused = error instanceof UrlRefusal;
      const worthwhile = refused ? error.status >= 500 : hasCode(error, "store-unreachable");
      if (!worthwhile || tries >= connection.limits.storeTries) throw refused ? describeRefusal(error, url) : error;
    }
    await waitForRetry(context, tries);
  }
}

/** The store answered something else than one byte of the object. */
class UrlRefusal extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(status: number, code: string | undefined) {
    super("a signed URL was refused");
    this.status = status;
    this.code = code;
  }
}

function describeRefusal(refusal: UrlRefusal, url: URL): ActionError {
  const answer = [String(refusal.status), ...(refusal.code === undefined ? [] : [refusal.code])].join(" ");
  return new ActionError("snapshot-url-rejected", `${url.host} answered ${answer} to the signed URL`, {
    hint: findUrlHint(refusal),
  });
}

function findUrlHint({ status, code = "" }: UrlRefusal): string {
  if ((status >= 300 && status < 400) || code === "AuthorizationHeaderMalformed" || code === "PermanentRedirect")
    return "set s3-region to the bucket's region: redirects of a signed URL are not followed";
  if (/Skewed|Expired/.test(code)) return "set the clock of the runner, or sign with credentials that live longer";
  if (/^Invalid(?:AccessKeyId|Token)$|^SignatureDoesNotMatch$/.test(code))
    return "look at the key that signs: presign-access-key-id and presign-secret-access-key, or the store's";
  if (status === 404)
    return "the store does not have the object at this URL: look at s3-endpoint and s3-force-path-style";
  if (status >= 500) return "the store is in trouble; run again later";
  if (status !== 403 && status !== 401) return "look at s3-endpoint, and at proxies before the store";
  return "the key that signs needs s3:GetObject on the object (s3:GetObjectVersion in a bucket with versions), and kms:Decrypt where KMS encrypts it; if it has them, look at the clock of the runner";
}

/** Throws UrlRefusal for an answer that is not one byte of the object. */
async function askOnce(connection: StoreConnection, url: URL, signal: AbortSignal | undefined): Promise<number> {
  const timeout = AbortSignal.timeout(connection.limits.storeRequestMs);
  const secure = url.protocol === "https:";
  try {
    return await new Promise<number>((resolve, reject) => {
      const request = (secure ? https : http).get(url, {
        agent: secure ? connection.httpsAgent : connection.httpAgent,
        headers: { range: "bytes=0-0" },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      request.on("error", reject);
      request.on("response", (response) => {
        response.on("error", reject);
        const status = response.statusCode ?? 0;
        const total = /^bytes 0-0\/(\d+)$/.exec(response.headers["content-range"] ?? "")?.[1];
        if (status === 206 && total !== undefined) {
          response.on("end", () => {
            resolve(Number(total));
          });
          response.resume();
          return;
        }
        let text = "";
        const finish = (): void => {
          reject(new UrlRefusal(status, codeText(/<Code>([^<]*)<\/Code>/.exec(text)?.[1])));
          response.destroy();
        };
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > 4096 || status < 300) finish();
        });
        response.on("end", finish);
      });
    });
  } catch (error) {
    if (error instanceof UrlRefusal) throw error;
    throw describeUnreachable(error, url, signal);
  }
}

function describeUnreachable(error: unknown, url: URL, signal: AbortSignal | undefined): ActionError {
  if (signal?.aborted === true)
    return new ActionError("cancelled", "the run was cancelled while the signed URL was tried", { cause: error });
  const { errno } = readFailure(error);
  // An aborted request has the code ABORT_ERR; the signal that is left is the time-out.
  const reason = errno === undefined || errno === "ABORT_ERR" ? "timed out" : errno;
  return new ActionError(
    "store-unreachable",
    `could not try the signed URL: ${url.host} cannot be reached (${reason})`,
    {
      hint: "look at s3-endpoint, at HTTPS_PROXY, and for a private CA at NODE_EXTRA_CA_CERTS in env of the step",
      cause: error,
    },
  );
}
