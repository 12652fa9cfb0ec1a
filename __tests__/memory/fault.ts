import { cancelProcess } from "../world/memory-world/step.ts";
import type { Fate, Service, Weather, WireRequest } from "../world/memory-world/wire.ts";
import type { MemoryWorld } from "../world/memory-world/world.ts";

/**
 * Something that somebody does to the world just before the struck request. Where a run must not touch the result, it
 * returns a look that finds out: problems, called once, when the runner is done.
 */
export type Deed = (world: MemoryWorld) => (() => readonly string[]) | undefined;

/** What befalls a run at one of its requests: the struck one. */
export interface Fault {
  /** What becomes of the struck request and of those after it; without it, all are answered. */
  readonly fateOf?: (request: WireRequest, struck: WireRequest, sinceMs: number) => Fate;
  /** How long the fault goes on after the struck request. */
  readonly lastsMs?: number;
  readonly deed?: Deed;
  /** What becomes of the process, when the request is sent, or when it has taken effect. */
  readonly strike?: { readonly what: "cancel" | "kill"; readonly when: "sent" | "applied" };
  /** No post step comes. */
  readonly runnerGone?: boolean;
  /** Of the runner, for the whole run; each is played, and all come to the same. */
  readonly clockSkewsMs?: readonly number[];
}

/** Exec goes through the API server. */
function server({ service }: WireRequest): string {
  return service === "exec" ? "cluster" : service;
}

/** The struck request alone. */
export function once(fate: Fate): Fault {
  return { fateOf: (request, struck) => (request === struck ? fate : "answered") };
}

/** Every request to the server of the struck one, for so long. */
export function away(fate: Fate, lastsMs = Infinity): Fault {
  return {
    fateOf: (request, struck, sinceMs) => (server(request) === server(struck) && sinceMs < lastsMs ? fate : "answered"),
    lastsMs,
  };
}

/** 403 for this call from now on: a role was taken away, or a policy of the bucket changed. */
export const refused: Fault = {
  fateOf: (request, struck) =>
    request.service === struck.service && request.operation === struck.operation ? "refused" : "answered",
  lastsMs: Infinity,
};

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

/** A fault under way. */
export interface Befalling {
  readonly weather: Weather;
  /** Undefined until it has come. */
  struck: WireRequest | undefined;
  /** What the run was not to touch, and did. */
  look: () => readonly string[];
}

/** Lets `fault` befall the first request that `isIt`, which is asked about each until then. */
export function befall(world: MemoryWorld, fault: Fault, isIt: (request: WireRequest) => boolean): Befalling {
  let struckAtMs = 0;
  const strike = ({ machine }: WireRequest): void => {
    if (fault.strike?.what === "cancel") cancelProcess(world, machine);
    else machine.kill();
  };
  const befalling: Befalling = {
    struck: undefined,
    look: () => [],
    weather: (request) => {
      const nowMs = request.machine.clock.nowMs();
      if (befalling.struck === undefined) {
        if (!isIt(request)) return undefined;
        befalling.struck = request;
        struckAtMs = nowMs;
        befalling.look = fault.deed?.(world) ?? befalling.look;
        if (fault.strike?.when === "sent") strike(request);
      }
      const { struck } = befalling;
      const fate = fault.fateOf?.(request, struck, nowMs - struckAtMs) ?? "answered";
      if (request !== struck || fault.strike?.when !== "applied") return { fate };
      return {
        fate,
        onEffect: () => {
          strike(request);
        },
      };
    },
  };
  return befalling;
}

/** The first request of the last of the operations of `path`, which come in this order from now on. */
export function lastOf(path: readonly string[]): (request: WireRequest) => boolean {
  let next = 0;
  return ({ operation }) => {
    if (operation === path[next]) next += 1;
    return next === path.length;
  };
}

/** A fault that the sweep plays at each request of a run. */
export interface SweptFault extends Fault {
  readonly name: string;
  /** Services whose requests it can befall. */
  readonly services: readonly Service[];
}

const network: readonly Service[] = ["cluster", "exec", "store"];
const everything: readonly Service[] = [...network, "state"];

function swept(name: string, fault: Fault, services = network): SweptFault {
  return { name, services, ...fault };
}

function struck(name: string, strike: NonNullable<Fault["strike"]>, runnerGone = false): SweptFault {
  return swept(name, { strike, runnerGone }, everything);
}

export const faults: readonly SweptFault[] = [
  swept("cut once before it arrives", once("reset")),
  swept("answered once with 503", once("busy"), ["cluster", "store"]),
  swept("applied once, and the reply is lost", once("lost")),
  swept("a black hole once", once("silent")),
  swept("applied a minute late", once("late")),
  swept("server away for 90 s", away("reset", 90_000)),
  swept("server away for ever", away("reset")),
  swept("a black hole for 75 s", away("silent", 75_000)),
  swept("a black hole for ever", away("silent")),
  swept("applied, and no reply comes back any more", away("lost")),
  swept("a proxy refuses from now on", away("barred")),
  swept("refused for ever", refused),
  swept("the runner's disk is full", { fateOf: ({ service }) => (service === "state" ? "refused" : "answered") }, [
    "state",
  ]),
  struck("SIGINT when it is sent", { what: "cancel", when: "sent" }),
  struck("SIGINT when it has taken effect", { what: "cancel", when: "applied" }),
  struck("SIGKILL when it is sent, then post", { what: "kill", when: "sent" }),
  struck("SIGKILL when it has taken effect, then post", { what: "kill", when: "applied" }),
  struck("the runner is gone when it is sent", { what: "kill", when: "sent" }, true),
  struck("the runner is gone when it has taken effect", { what: "kill", when: "applied" }, true),
];
