import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { CertificateAuthority } from "../certificates.ts";
import type { ApiAnswer } from "./api.ts";
import type { WorldClock } from "./clock.ts";
import type { FaultPlan, RequestFaultKind } from "./faults.ts";
import type { ObjectStore } from "./objects.ts";
import type { Rule } from "./rbac.ts";
import { parseRequest, type ApiRequest } from "./request.ts";
import type { LoggedRequest } from "./request-log.ts";
import { ApiError } from "./status.ts";
import type { Switches } from "./switches.ts";
import type { Users } from "./users.ts";

/** What plain requests and upgraded ones are answered from. */
export interface ServedWorld {
  readonly store: ObjectStore;
  readonly rules: () => readonly Rule[];
  readonly ca: CertificateAuthority;
  readonly clock: WorldClock;
  readonly users: Users;
  readonly faults: FaultPlan;
  readonly switches: () => Pick<Switches, "execNeedsCreate" | "execProtocols">;
  readonly log: (request: LoggedRequest) => void;
  /** Checks an exec that is authorized; throws ApiError, else returns what runs it over the open connection. */
  readonly prepareExec: (request: ApiRequest) => (webSocket: WebSocket, socket: Duplex) => void;
}

/** Every answer carries the world's time, a played one what it was told to. */
export function headersOf(
  world: Pick<ServedWorld, "clock">,
  answer: ApiAnswer,
  fault?: RequestFaultKind,
): Readonly<Record<string, string>> {
  const retryAfterSeconds = fault?.kind === "status" ? fault.retryAfterSeconds : undefined;
  return {
    date: world.clock.now().toUTCString(),
    "content-type": typeof answer.body === "string" ? "text/plain; charset=utf-8" : "application/json",
    "cache-control": "no-cache, private",
    ...(retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) }),
  };
}

/** Throws ApiError 400. */
export function parseUrl(incoming: IncomingMessage): ApiRequest {
  try {
    return parseRequest(incoming.method ?? "GET", incoming.url ?? "/");
  } catch {
    throw new ApiError(400, "BadRequest", "the path of the request cannot be read");
  }
}

/** Waits where a fault says so; throws the ApiError that it plays. */
export async function playFault(fault: RequestFaultKind | undefined): Promise<void> {
  if (fault?.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
  if (fault?.kind !== "status") return;
  const reasons: Readonly<Record<number, string>> = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
  };
  const reason = fault.reason ?? reasons[fault.status] ?? "Unknown";
  throw new ApiError(fault.status, reason, `the server answers ${String(fault.status)} as it was told to`);
}

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ApiError(500, "InternalError", `Internal error occurred: ${message}`);
}

/** Puts a request into the log. */
export function noteRequest(
  world: ServedWorld,
  incoming: IncomingMessage,
  request: ApiRequest,
  text: string,
): LoggedRequest {
  const named = request.subresource === undefined ? request.resource : `${request.resource}/${request.subresource}`;
  const logged: LoggedRequest = {
    at: Date.now(),
    verb: request.verb,
    resource: named === "" ? request.path : named,
    group: request.group,
    namespace: request.namespace,
    name: request.name,
    dryRun: request.dryRun,
    user: undefined,
    userAgent: incoming.headers["user-agent"],
    query: Object.fromEntries(request.query),
    contentType: incoming.headers["content-type"],
    body: parseJson(text),
    argv: request.subresource === "exec" ? request.query.getAll("command") : undefined,
    status: undefined,
  };
  world.log(logged);
  return logged;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
