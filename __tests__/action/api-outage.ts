import { numberAt } from "../../src/hypershift/json-path.ts";
import type { World } from "../fakes/world.ts";

/** What an administrator saw of the API servers, in milliseconds since the epoch of this machine. */
export interface ApiOutage {
  /** When the first of them was told to stop; undefined: none was. */
  readonly stoppedAtMs: number | undefined;
  /** When all of them were wanted again. */
  readonly scaledUpAtMs: number | undefined;
  /** When all of them were ready again. */
  readonly readyAtMs: number | undefined;
}

const lookEveryMs = 5;

/** Looks at the API servers all the time; the function that it returns ends that, and tells what was seen. */
export function watchApiServers(world: World): () => ApiOutage {
  let stoppedAtMs: number | undefined;
  let scaledUpAtMs: number | undefined;
  let readyAtMs: number | undefined;
  const look = (): void => {
    const { replicas } = world.hosted();
    const wanted = Object.entries(world.initial.replicas).every(([writer, count]) => (replicas[writer] ?? 0) >= count);
    if (!wanted) {
      stoppedAtMs ??= Date.now();
      scaledUpAtMs = readyAtMs = undefined;
    } else if (stoppedAtMs !== undefined) {
      scaledUpAtMs ??= Date.now();
      if (areApiServersReady(world)) readyAtMs ??= Date.now();
    }
  };
  const timer = setInterval(look, lookEveryMs);
  return () => {
    clearInterval(timer);
    look();
    return { stoppedAtMs, scaledUpAtMs, readyAtMs };
  };
}

/** Whether each API server has as many ready pods as when the world had started. */
export function areApiServersReady(world: World): boolean {
  return Object.entries(world.initial.replicas).every(([writer, count]) => {
    const deployment = world.cluster.deployment(writer);
    const generation = numberAt(deployment, "metadata", "generation") ?? 0;
    return (
      (numberAt(deployment, "status", "readyReplicas") ?? 0) >= count &&
      (numberAt(deployment, "status", "observedGeneration") ?? 0) >= generation
    );
  });
}
