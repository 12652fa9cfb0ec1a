import { cancelProcess } from "../../fakes/memory-world/step.ts";
import type { Fate, Weather, WireRequest } from "../../fakes/memory-world/wire.ts";
import type { MemoryWorld } from "../../fakes/memory-world/world.ts";
import type { Deed } from "./phase.ts";

/** What befalls a run at one of its requests. */
export interface Blow {
  /** What becomes of a request that is the struck one, or comes after it. */
  readonly fateOf?: (request: WireRequest, struck: WireRequest) => Fate;
  /** Done before the struck request is on its way. */
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

export function once(fate: Fate): Blow {
  return { fateOf: (request, struck) => (request === struck ? fate : "answered") };
}

/** For every request to the server of the struck one. */
export function forEver(fate: Fate): Blow {
  return { fateOf: (request, struck) => (server(request) === server(struck) ? fate : "answered") };
}

/** A blow under way. */
export interface Falling {
  readonly weather: Weather;
  /** Undefined until it has fallen. */
  struck: WireRequest | undefined;
  /** What it was not to touch, and did. */
  look: () => readonly string[];
}

/** Lets `blow` fall on the first request of the last of the operations of `path`, which come in this order from now on. */
export function letFall(world: MemoryWorld, path: readonly string[], blow: Blow): Falling {
  let next = 0;
  const falling: Falling = {
    struck: undefined,
    look: () => [],
    weather: (request) => {
      if (falling.struck === undefined && request.operation === path[next]) next += 1;
      if (falling.struck === undefined && next === path.length) {
        falling.struck = request;
        falling.look = blow.deed?.(world) ?? falling.look;
        if (blow.strike?.when === "sent") strike(world, request, blow);
      }
      const { struck } = falling;
      if (struck === undefined) return undefined;
      const fate = blow.fateOf?.(request, struck) ?? "answered";
      return request === struck && blow.strike?.when === "applied"
        ? {
            fate,
            onEffect: () => {
              strike(world, request, blow);
            },
          }
        : { fate };
    },
  };
  return falling;
}

function strike(world: MemoryWorld, { machine }: WireRequest, { strike: struck }: Blow): void {
  if (struck?.what === "cancel") cancelProcess(world, machine);
  else machine.kill();
}
