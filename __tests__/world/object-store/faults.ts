import type { Tampering } from "./content.ts";
import type { OperationName } from "./operation.ts";

/** `before`: the request has no effect. `after`: it has, and the client does not learn of it. */
export type FaultMoment = "before" | "after";

export type FaultAction =
  | {
      readonly kind: "answer";
      readonly status: number;
      /** Any code, also of other stores: `SlowDown`, `ConditionalRequestConflict`. */
      readonly code: string;
      readonly message?: string;
      /** Such as Retry-After. */
      readonly headers?: Readonly<Record<string, string>>;
      /** Default: before. */
      readonly when?: FaultMoment;
    }
  | { readonly kind: "reset"; readonly when: FaultMoment }
  /** No answer, until the client gives up or the store closes. */
  | { readonly kind: "hang"; readonly when: FaultMoment }
  /** Status 200, an error as body, no effect: what CompleteMultipartUpload may answer. */
  | { readonly kind: "error-in-200"; readonly code: string }
  /** Damages what a write stored, after its answer was made; for a GET, what it then reads. */
  | Tampering
  /** Request and answer bodies at this speed; a change of it acts on those that are under way. */
  | { readonly kind: "slow-body"; readonly bytesPerSecond: number }
  /** The answer's body ends with the connection after so many bytes. */
  | { readonly kind: "cut-body"; readonly afterBytes: number };

export interface Fault {
  readonly on: OperationName | readonly OperationName[] | "*";
  readonly key?: RegExp;
  /** The first request to be hit is the nth that matches, from 1; default 1. */
  readonly nth?: number;
  readonly times: number | "always";
  readonly action: FaultAction;
}

interface ArmedFault {
  readonly fault: Fault;
  matched: number;
  fired: number;
}

/** What goes wrong, and when. A request is hit by the first fault that is due; only verified requests count. */
export class FaultList {
  #armed: ArmedFault[] = [];

  add(...faults: readonly Fault[]): void {
    this.#armed.push(...faults.map((fault) => ({ fault, matched: 0, fired: 0 })));
  }

  clear(): void {
    this.#armed = [];
  }

  /** How often a fault of this list has hit, to prove that a test met what it was written for. */
  fired(fault: Fault): number {
    return this.#armed.find((armed) => armed.fault === fault)?.fired ?? 0;
  }

  /** Counts the request for every fault that it matches, and returns the one that hits it. */
  take(operation: OperationName, key: string): FaultAction | undefined {
    const matching = this.#armed.filter(({ fault }) => matches(fault, operation, key));
    for (const armed of matching) armed.matched += 1;
    const due = matching.find(
      ({ fault, matched, fired }) => matched >= (fault.nth ?? 1) && (fault.times === "always" || fired < fault.times),
    );
    if (due === undefined) return undefined;
    due.fired += 1;
    return due.fault.action;
  }
}

function matches({ on, key }: Fault, operation: OperationName, requestKey: string): boolean {
  if (on !== "*" && on !== operation && !on.includes(operation)) return false;
  return key === undefined || requestKey.search(key) !== -1;
}
