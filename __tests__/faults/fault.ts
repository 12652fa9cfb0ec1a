import type { Fate, Service, Weather, WireRequest } from "../fakes/memory-world/wire.ts";

/** What befalls a run at one of its requests. */
export interface Fault {
  readonly name: string;
  /** What becomes of a request that is the one, or comes after it; `struck` is the one. */
  readonly fateOf: (request: WireRequest, struck: WireRequest, sinceMs: number) => Fate;
  /** What becomes of the process, when the request is sent, or when it has taken effect. */
  readonly strike?: { readonly what: "cancel" | "kill" | "lose"; readonly when: "sent" | "applied" };
  /** False: what the run left may wait for its deadline, and for a recovery. */
  readonly settlesAtOnce: boolean;
  /** True: the trial upload of preflight cannot be aborted. */
  readonly leavesTrialUpload?: boolean;
  /** Services whose requests it can befall. */
  readonly services: readonly Service[];
}

const network: readonly Service[] = ["cluster", "exec", "store"];
const everything: readonly Service[] = [...network, "state"];

/** Exec goes through the API server. */
function server(request: WireRequest): string {
  return request.service === "exec" ? "cluster" : request.service;
}

function once(name: string, fate: Fate, services = network): Fault {
  return {
    name,
    fateOf: (request, struck) => (request === struck ? fate : "answered"),
    settlesAtOnce: true,
    services,
  };
}

function away(name: string, fate: Fate, forMs = Infinity): Fault {
  return {
    name,
    fateOf: (request, struck, sinceMs) => (server(request) === server(struck) && sinceMs < forMs ? fate : "answered"),
    settlesAtOnce: forMs < Infinity,
    leavesTrialUpload: true,
    services: network,
  };
}

/** A server, or what is behind the API server's exec, is away for so long from the first request on of which `begins` says so. */
export function outage(
  of: "cluster" | "store" | "exec",
  forMs: number,
  fate: Fate,
  begins: (request: WireRequest) => boolean,
): Weather {
  let backMs: number | undefined;
  return (request) => {
    const nowMs = request.machine.clock.nowMs();
    if (begins(request)) backMs ??= nowMs + forMs;
    return [request.service, server(request)].includes(of) && backMs !== undefined && nowMs < backMs
      ? { fate }
      : undefined;
  };
}

function struck(name: string, strike: NonNullable<Fault["strike"]>): Fault {
  return {
    name,
    fateOf: () => "answered",
    strike,
    settlesAtOnce: strike.what !== "lose",
    leavesTrialUpload: strike.what !== "cancel",
    services: everything,
  };
}

/** What the sweep does at each request of a run. */
export const faults: readonly Fault[] = [
  once("cut once before it arrives", "reset"),
  once("answered once with 503", "busy", ["cluster", "store"]),
  once("applied once, and the reply is lost", "lost"),
  once("a black hole once", "silent"),
  once("applied a minute late", "late"),
  away("server away for 90 s", "reset", 90_000),
  away("server away for ever", "reset"),
  away("a black hole for 75 s", "silent", 75_000),
  away("a black hole for ever", "silent"),
  away("applied, and no reply comes back any more", "lost"),
  away("a proxy refuses from now on", "barred"),
  {
    name: "refused for ever",
    fateOf: (request, first) =>
      request.service === first.service && request.operation === first.operation ? "refused" : "answered",
    settlesAtOnce: false,
    services: network,
  },
  {
    name: "the runner's disk is full",
    fateOf: ({ service }) => (service === "state" ? "refused" : "answered"),
    settlesAtOnce: true,
    services: ["state"],
  },
  struck("SIGINT when it is sent", { what: "cancel", when: "sent" }),
  struck("SIGINT when it has taken effect", { what: "cancel", when: "applied" }),
  struck("SIGKILL when it is sent, then post", { what: "kill", when: "sent" }),
  struck("SIGKILL when it has taken effect, then post", { what: "kill", when: "applied" }),
  struck("the runner is gone when it is sent", { what: "lose", when: "sent" }),
  struck("the runner is gone when it has taken effect", { what: "lose", when: "applied" }),
];

/** The weather in which `fault` befalls request number `number`; `strike` acts on the process. */
export function weatherOf(fault: Fault, number: number, strike: () => void): Weather {
  let first: WireRequest | undefined;
  let firstMs = 0;
  return (request) => {
    const nowMs = request.machine.clock.nowMs();
    if (request.number === number) {
      first = request;
      firstMs = nowMs;
      if (fault.strike?.when === "sent") strike();
    }
    if (first === undefined) return undefined;
    const fate = fault.fateOf(request, first, nowMs - firstMs);
    return request === first && fault.strike?.when === "applied" ? { fate, onEffect: strike } : { fate };
  };
}
