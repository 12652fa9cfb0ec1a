import type { LoggedRequest } from "./request-log.ts";

/** Which requests a fault hits; every field that is there must fit. */
export interface RequestMatch {
  readonly verb?: string;
  /** With its subresource: `deployments/scale`. */
  readonly resource?: string;
  readonly name?: string;
  readonly dryRun?: boolean;
  readonly when?: (request: LoggedRequest) => boolean;
}

export type RequestFaultKind =
  /** An answer of the API server without any effect; default reason by status. */
  | { readonly kind: "status"; readonly status: number; readonly reason?: string; readonly retryAfterSeconds?: number }
  /** The connection is reset before the request has an effect. */
  | { readonly kind: "reset" }
  /** The request has its effect, then the connection is reset. */
  | { readonly kind: "reply-lost" }
  /** No effect, and no answer ever. */
  | { readonly kind: "hang" }
  /** As usual, but later. */
  | { readonly kind: "delay"; readonly ms: number };

export type ExecFaultKind =
  /** The connection is destroyed, and the process lives on: when it has started, after so many bytes of its standard
   * output, or when the newest snapshot in the container has this part of the database's size. */
  | { readonly kind: "cut"; readonly atBytes?: number; readonly atSaveFraction?: number }
  /** All processes of its container get SIGKILL after so many bytes, as when it ends (seen with a kubelet and containerd). */
  | { readonly kind: "kill"; readonly atBytes: number }
  /** The last bytes of standard output are missing, and the status is Success (kubernetes/kubernetes#124571). */
  | { readonly kind: "short"; readonly missingBytes: number }
  | { readonly kind: "extra"; readonly extraBytes: number }
  /** So many bytes from this offset of standard output on are missing, or there twice. */
  | { readonly kind: "gap" | "echo"; readonly atByte: number; readonly bytes: number }
  /** The `nth` message of standard input does not arrive, from 1. */
  | { readonly kind: "lose-input"; readonly nth: number }
  /** One bit of the byte at this offset of standard output is turned. */
  | { readonly kind: "flip"; readonly atByte: number }
  /** CLOSE frames for the output streams before the status: no API server sends them, and the protocol has them. */
  | { readonly kind: "close-frames" }
  /** All bytes, then an internal error instead of the exit status. */
  | { readonly kind: "failure-status" }
  /** After so many bytes nothing comes any more; pings are not answered. */
  | { readonly kind: "stall"; readonly atBytes: number };

export interface ExecMatch {
  readonly argv?: (argv: readonly string[]) => boolean;
}

/** The `nth` that fits (from 1, default 1), and those after it, `times` in all (default 1; Infinity: for ever). */
interface Occurrence {
  readonly nth?: number;
  readonly times?: number;
}

export type RequestFault = Occurrence & { readonly match: RequestMatch; readonly fault: RequestFaultKind };
export type ExecFault = Occurrence & { readonly match: ExecMatch; readonly fault: ExecFaultKind };

/** Counts what was seen since a fault was added, and says which fault hits. */
export class FaultPlan {
  readonly #requests: { readonly plan: RequestFault; seen: number }[] = [];
  readonly #execs: { readonly plan: ExecFault; seen: number }[] = [];

  addRequestFault(plan: RequestFault): void {
    this.#requests.push({ plan, seen: 0 });
  }

  addExecFault(plan: ExecFault): void {
    this.#execs.push({ plan, seen: 0 });
  }

  clear(): void {
    this.#requests.length = 0;
    this.#execs.length = 0;
  }

  takeRequestFault(request: LoggedRequest): RequestFaultKind | undefined {
    return this.#requests.filter((entry) => count(entry, fitsRequest(entry.plan.match, request)))[0]?.plan.fault;
  }

  takeExecFault(argv: readonly string[]): ExecFaultKind | undefined {
    return this.#execs.filter((entry) => count(entry, entry.plan.match.argv?.(argv) ?? true))[0]?.plan.fault;
  }
}

function count(entry: { readonly plan: Occurrence; seen: number }, fits: boolean): boolean {
  if (!fits) return false;
  entry.seen += 1;
  const { nth = 1, times = 1 } = entry.plan;
  return entry.seen >= nth && entry.seen < nth + times;
}

function fitsRequest(match: RequestMatch, request: LoggedRequest): boolean {
  return (
    (match.verb ?? request.verb) === request.verb &&
    (match.resource ?? request.resource) === request.resource &&
    (match.name === undefined || match.name === request.name) &&
    (match.dryRun ?? request.dryRun) === request.dryRun &&
    (match.when?.(request) ?? true)
  );
}
