import { numberAt } from "../../src/json-path.ts";
import type { World } from "../world/world.ts";

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

/** What looks at the API servers tell, put together; the last outage counts, from the first stop on. */
export class OutageNotes {
  #seen: ApiOutage = { stoppedAtMs: undefined, scaledUpAtMs: undefined, readyAtMs: undefined };

  get seen(): ApiOutage {
    return this.#seen;
  }

  /** Whether all of them are wanted at `atMs`, and are ready; the latter is asked for during an outage only. */
  note(atMs: number, { areWanted, areReady }: { readonly areWanted: boolean; readonly areReady: () => boolean }): void {
    const { stoppedAtMs, scaledUpAtMs, readyAtMs } = this.#seen;
    if (!areWanted) this.#seen = { stoppedAtMs: stoppedAtMs ?? atMs, scaledUpAtMs: undefined, readyAtMs: undefined };
    else if (stoppedAtMs !== undefined)
      this.#seen = {
        stoppedAtMs,
        scaledUpAtMs: scaledUpAtMs ?? atMs,
        readyAtMs: readyAtMs ?? (areReady() ? atMs : undefined),
      };
  }
}

/** Looks at the API servers all the time; the function that it returns ends that, and tells what was seen. */
export function watchApiServers(world: World): () => ApiOutage {
  const notes = new OutageNotes();
  const look = (): void => {
    const { replicas } = world.hosted();
    const areWanted = Object.entries(world.initial.replicas).every(
      ([writer, count]) => (replicas[writer] ?? 0) >= count,
    );
    notes.note(Date.now(), { areWanted, areReady: () => areApiServersReady(world) });
  };
  const timer = setInterval(look, lookEveryMs);
  return () => {
    clearInterval(timer);
    look();
    return notes.seen;
  };
}

/** Whether each API server has as many ready pods as when the world had started. */
export function areApiServersReady(world: World): boolean {
  return Object.entries(world.initial.replicas).every(([writer, count]) =>
    isDeploymentReady(world.cluster.deployment(writer), count),
  );
}

/** Whether a Deployment has `count` ready pods, and its controller has seen it as it is. */
export function isDeploymentReady(deployment: unknown, count: number): boolean {
  const generation = numberAt(deployment, "metadata", "generation") ?? 0;
  return (
    (numberAt(deployment, "status", "readyReplicas") ?? 0) >= count &&
    (numberAt(deployment, "status", "observedGeneration") ?? 0) >= generation
  );
}
