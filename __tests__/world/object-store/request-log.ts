import type { FaultAction } from "./faults.ts";
import { findOperation, type OperationName } from "./operation.ts";
import { findParameter, type RequestTarget } from "./request-target.ts";

/** One request as the store saw it, in the order of arrival. */
export interface StoreRequest {
  /** `unknown` for what is no operation of this store. */
  readonly operation: OperationName | "unknown";
  readonly method: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  /** As claimed, whether or not the signature was right. */
  readonly accessKeyId: string | undefined;
  readonly presigned: boolean;
  /** Undefined as long as there is no answer: it may never come. */
  readonly status: number | undefined;
  readonly errorCode: string | undefined;
  /** Kind of the fault that hit it. */
  readonly fault: FaultAction["kind"] | undefined;
  /** Without signature and session token. */
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case; without Authorization and session token. */
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  /** By the clock of this machine. */
  readonly startedMs: number;
  /** Answered to the last byte, or the connection is gone. */
  readonly endedMs: number | undefined;
}

export type LoggedRequest = { -readonly [Field in keyof StoreRequest]: StoreRequest[Field] };

const secrets = ["authorization", "x-amz-security-token", "x-amz-signature"];

/** Requests, and those who wait for one. */
export class RequestLog {
  readonly entries: LoggedRequest[] = [];
  #waiting: { readonly matches: (entry: StoreRequest) => boolean; readonly found: (entry: StoreRequest) => void }[] =
    [];

  add(entry: LoggedRequest): void {
    this.entries.push(entry);
  }

  /** Looks through the waiting ones; called when something about `entry` became known. */
  announce(entry: LoggedRequest): void {
    const found = this.#waiting.filter(({ matches }) => matches(entry));
    this.#waiting = this.#waiting.filter((waiting) => !found.includes(waiting));
    for (const waiting of found) waiting.found(entry);
  }

  waitFor(matches: (entry: StoreRequest) => boolean): Promise<StoreRequest> {
    const known = this.entries.find(matches);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((found) => this.#waiting.push({ matches, found }));
  }
}

function withoutSecrets(entries: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries([...entries].filter(([name]) => !secrets.includes(name.toLowerCase())));
}

/** An entry of a request of which nothing but its headers was read. */
export function createEntry(method: string, headers: ReadonlyMap<string, string>): LoggedRequest {
  return {
    operation: "unknown",
    method,
    bucket: undefined,
    key: undefined,
    accessKeyId: undefined,
    presigned: false,
    status: undefined,
    errorCode: undefined,
    fault: undefined,
    query: {},
    headers: withoutSecrets(headers),
    receivedBytes: 0,
    sentBytes: 0,
    startedMs: Date.now(),
    endedMs: undefined,
  };
}

export function describeTarget(entry: LoggedRequest, target: RequestTarget, authorization: string | undefined): void {
  const credential = findParameter(target.query, "X-Amz-Credential");
  entry.operation = findOperation(entry.method, target) ?? "unknown";
  entry.bucket = target.bucket;
  entry.key = target.key;
  entry.presigned = credential !== undefined;
  entry.accessKeyId = (credential ?? /Credential=([^,]*)/.exec(authorization ?? "")?.[1])?.split("/")[0];
  entry.query = withoutSecrets(target.query.map(({ name, value }) => [name, value]));
}
