import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import { S3Client, S3ServiceException, type S3ClientConfig } from "@aws-sdk/client-s3";
import { createCertificateAuthority } from "../certificates.ts";
import type { Account } from "../object-store/accounts.ts";
import { startObjectStore, type ObjectStore, type ObjectStoreOptions } from "../object-store/object-store.ts";

export const owner = "111122223333";
export const admin: Account = { accessKeyId: "AKIAADMIN", secretAccessKey: "admin+secret/key", actions: ["s3:*"] };

/** Sees and may change a request after it was signed. */
export type Tap = (request: SignedRequest) => void;
export interface SignedRequest {
  headers: Record<string, string>;
  path: string;
  body?: unknown;
}

export interface ClientOptions extends S3ClientConfig {
  readonly account?: Account;
  readonly tap?: Tap;
}

/** A store, the SDK and curl, all of one certificate authority. */
export interface TestWorld {
  readonly store: ObjectStore;
  /** Trusts the store's certificate. */
  readonly httpsAgent: https.Agent;
  connect(options?: ClientOptions): S3Client;
  /** Status and body of what curl gets; further arguments as curl takes them. */
  curl(url: string, ...args: readonly string[]): Promise<{ readonly status: number; readonly body: string }>;
  close(): Promise<void>;
}

export async function createTestWorld(options: Partial<ObjectStoreOptions> = {}): Promise<TestWorld> {
  const certificateAuthority = await createCertificateAuthority("object store test");
  const directory = mkdtempSync(path.join(os.tmpdir(), "object-store-test-"));
  const caFile = path.join(directory, "ca.pem");
  writeFileSync(caFile, certificateAuthority.certificate);
  const httpsAgent = new https.Agent({ ca: certificateAuthority.certificate, keepAlive: true });
  const store = await startObjectStore({
    buckets: [{ name: "plain", region: "us-east-1", owner }],
    accounts: [admin],
    certificateAuthority,
    ...options,
  });
  const clients: S3Client[] = [];
  return {
    store,
    httpsAgent,
    connect: ({ account = admin, tap, ...config } = {}) => {
      const client = new S3Client({
        endpoint: store.endpoint,
        region: "us-east-1",
        forcePathStyle: true,
        maxAttempts: 1,
        requestHandler: { httpsAgent },
        credentials: {
          accessKeyId: account.accessKeyId,
          secretAccessKey: account.secretAccessKey,
          ...(account.sessionToken === undefined ? {} : { sessionToken: account.sessionToken }),
        },
        ...config,
      });
      client.middlewareStack.add(
        (next) => (args) => {
          if (tap !== undefined && isSignedRequest(args.request)) tap(args.request);
          return next(args);
        },
        { step: "deserialize", priority: "high", name: "tap" },
      );
      clients.push(client);
      return client;
    },
    curl: (url, ...args) =>
      new Promise((resolve, reject) => {
        const all = ["--silent", "--show-error", "--cacert", caFile, "--write-out", "\n%{http_code}", ...args, url];
        execFile("curl", all, (error, stdout) => {
          const end = stdout.lastIndexOf("\n");
          if (error) reject(new Error(`curl: ${error.message}`));
          else resolve({ status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) });
        });
      }),
    close: async () => {
      for (const client of clients) client.destroy();
      httpsAgent.destroy();
      rmSync(directory, { recursive: true, force: true });
      await store.close();
    },
  };
}

export interface Refusal {
  readonly status: number | undefined;
  readonly code: string;
  readonly error: unknown;
}

/** Status and code of a call that must fail. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    if (error instanceof S3ServiceException) return { status: error.$metadata.httpStatusCode, code: error.name, error };
    return { status: undefined, code: error instanceof Error ? error.name : String(error), error };
  }
  throw new Error("the call was expected to be refused");
}

/** Text of one element of an error's body; undefined without it. */
export function findElement(body: string, name: string): string | undefined {
  return new RegExp(`<${name}>([\\s\\S]*?)</${name}>`).exec(body)?.[1];
}

function isSignedRequest(value: unknown): value is SignedRequest {
  return typeof value === "object" && value !== null && "headers" in value && "path" in value;
}
