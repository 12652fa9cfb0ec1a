import { execFile } from "node:child_process";
import https from "node:https";
import { promisify } from "node:util";
import {
  S3Client,
  S3ServiceException,
  type $Command,
  type S3ClientConfig,
  type S3ClientResolvedConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from "@aws-sdk/client-s3";
import type { S3Server } from "./server.ts";

/** One question to an S3 server. */
export interface Probe {
  /** As a row of the table: what is sent. */
  readonly question: string;
  /** What the server did, in a few words that are the same each time. */
  readonly ask: (world: ProbeWorld) => Promise<string>;
}

export interface Answer {
  readonly status: number;
  /** The S3 error code; absent for a success, and where an answer has no body. */
  readonly code?: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the SDK made of an answer, beside the answer itself. */
export interface Result<T> extends Answer {
  /** Absent for a refusal. */
  readonly value?: T;
}

/** A message of the SDK before it goes out. */
export interface SignedMessage {
  headers: Record<string, string>;
  body?: unknown;
}

export interface ClientOptions extends S3ClientConfig {
  /** Changes a message after it was signed. */
  readonly tap?: (message: SignedMessage) => void;
}

type Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = $Command<
  I,
  O,
  S3ClientResolvedConfig,
  ServiceInputTypes,
  ServiceOutputTypes
>;

/** A client of one server, which tries each message once. */
export interface ProbeClient {
  /** For signing URLs. */
  readonly client: S3Client;
  /** Does not throw when the server refuses. */
  readonly send: <I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: Command<I, O>,
  ) => Promise<Result<O>>;
}

export interface ProbeWorld {
  readonly server: S3Server;
  /** With the owner's key, unless `options` say otherwise. */
  readonly connect: (options?: ClientOptions) => ProbeClient;
  /** The owner's client. */
  readonly owner: ProbeClient;
  /** A key that nothing has. */
  readonly createKey: (name?: string) => string;
  /** One request without the SDK: status, headers and text of the answer. */
  readonly request: (
    url: string,
    options?: https.RequestOptions,
    body?: Buffer,
  ) => Promise<Answer & { readonly text: string }>;
  /** Status of what curl gets. */
  readonly curl: (url: string, ...args: readonly string[]) => Promise<string>;
  readonly close: () => void;
}

export const buckets = { plain: "probe-plain", versions: "probe-versions", locked: "probe-locked" } as const;

const run = promisify(execFile);

export function createProbeWorld(server: S3Server): ProbeWorld {
  const agent = new https.Agent({ ca: server.certificateAuthority, keepAlive: true });
  const clients: S3Client[] = [];
  const connect = ({ tap, ...config }: ClientOptions = {}): ProbeClient => {
    const client = new S3Client({
      endpoint: server.endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: server.owner,
      maxAttempts: 1,
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: { httpsAgent: agent, requestTimeout: 60_000 },
      ...config,
    });
    clients.push(client);
    return { client, send: (command) => sendOnce(client, tap, command) };
  };
  let keys = 0;
  return {
    server,
    connect,
    owner: connect(),
    createKey: (name = "object.db") => {
      keys += 1;
      return `probe/${Date.now().toString(36)}-${keys}/${name}`;
    },
    request: (url, options = {}, body) => requestOnce(url, { agent, ...options }, body),
    curl: async (url, ...args) => {
      const all = ["--silent", "--cacert", server.certificateAuthorityFile, "--output", "/dev/null"];
      return (await run("curl", [...all, "--write-out", "%{http_code}", ...args, url])).stdout;
    },
    close: () => {
      for (const client of clients) client.destroy();
      agent.destroy();
    },
  };
}

/** `403 AccessDenied`, `204`. */
export function describeAnswer({ status, code }: Answer): string {
  return code === undefined ? String(status) : `${status} ${code}`;
}

/** Those of `names` that an answer has. */
export function describeHeaders({ headers }: Answer, names: readonly string[]): string {
  return names.filter((name) => headers[name] !== undefined && headers[name] !== "").join(", ") || "none";
}

/** The text of an element of an answer. */
export function findElement(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
}

async function sendOnce<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
  client: S3Client,
  tap: ClientOptions["tap"],
  command: Command<I, O>,
): Promise<Result<O>> {
  let seen: { readonly statusCode: number; readonly headers: Record<string, string> } | undefined;
  command.middlewareStack.add(
    (next) => async (args) => {
      if (tap !== undefined && isSignedMessage(args.request)) tap(args.request);
      const output = await next(args);
      if (isResponse(output.response)) seen = output.response;
      return output;
    },
    // Behind the signature, before the answer is read.
    { step: "deserialize", priority: "high", name: "probe", override: true },
  );
  try {
    const value = await client.send(command);
    return { status: seen?.statusCode ?? 0, headers: seen?.headers ?? {}, value };
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error;
    const status = error.$metadata.httpStatusCode ?? 0;
    const headers = error.$response?.headers ?? {};
    // What the SDK calls an answer without a body.
    const unnamed = ["NotFound", "Forbidden", "BadRequest", "Unknown", "UnknownError", "Error", String(status)];
    return { status, headers, ...(unnamed.includes(error.name) ? {} : { code: error.name }) };
  }
}

function requestOnce(
  url: string,
  options: https.RequestOptions,
  body: Buffer | undefined,
): Promise<Answer & { readonly text: string }> {
  return new Promise((resolve, reject) => {
    const request = https.request(url, options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        const status = response.statusCode ?? 0;
        const code = status < 300 ? undefined : findElement(text, "Code");
        const headers = Object.fromEntries(
          Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
        );
        resolve({ status, headers, text, ...(code === undefined ? {} : { code }) });
      });
    });
    request.on("error", reject);
    request.end(body);
  });
}

function isSignedMessage(value: unknown): value is SignedMessage {
  return typeof value === "object" && value !== null && "headers" in value;
}

function isResponse(value: unknown): value is { statusCode: number; headers: Record<string, string> } {
  return typeof value === "object" && value !== null && "statusCode" in value && "headers" in value;
}
