import { at, numberAt, stringAt } from "../../../src/hypershift/json-path.ts";
import { journalAnnotation } from "../../../src/hypershift/journal.ts";
import { isPausing, parseTime } from "../../../src/hypershift/pause.ts";
import type { JsonObject } from "../management-cluster/json.ts";
import type { MemoryWorld } from "./world.ts";

/** Looks at every change of the cluster, and notes what must never be, and for how long the API servers were away. */
export class Watch {
  /** What must never have been, in the order of its being seen. */
  readonly problems: string[] = [];
  /** From the first writer's being wanted less to the last one's being ready again, of the longest time. */
  longestOutageMs = 0;
  /** From the acquire of a pause to its end, of the longest. */
  longestPauseMs = 0;
  /** What could be read in the cluster: journals, arguments of commands. */
  readonly seen = new Set<string>();
  readonly #world: MemoryWorld;
  readonly #wanted: Readonly<Record<string, number>>;
  #outageSinceMs: number | undefined;
  #pause: { readonly nonce: string; readonly sinceMs: number; untilMs: number } | undefined;

  constructor(world: MemoryWorld) {
    this.#world = world;
    this.#wanted = world.replicas;
    world.objects.onChange((resource, object) => {
      if (resource === "hostedclusters") this.#lookAtPause(object);
      if (resource === "deployments") this.#lookAtWriters();
    });
  }

  /** True while a writer has fewer ready pods than at the start. */
  get isOut(): boolean {
    return this.#outageSinceMs !== undefined;
  }

  note(text: string): void {
    this.seen.add(text);
  }

  #lookAtWriters(): void {
    const { readyReplicas, replicas, timeline } = this.#world;
    const nowMs = timeline.nowMs();
    const isOut = Object.entries(this.#wanted).some(
      ([writer, wanted]) => (readyReplicas[writer] ?? 0) < wanted || (replicas[writer] ?? 0) < wanted,
    );
    if (isOut) this.#outageSinceMs ??= nowMs;
    if (this.#outageSinceMs !== undefined)
      this.longestOutageMs = Math.max(this.longestOutageMs, nowMs - this.#outageSinceMs);
    if (!isOut) this.#outageSinceMs = undefined;
    this.#checkReturn();
  }

  /** I1: a writer below its count comes back by itself: reconciliation is active, or will be at a time that is not far. */
  #checkReturn(): void {
    const { replicas, hostedCluster, clock } = this.#world;
    const below = Object.entries(this.#wanted).filter(([writer, wanted]) => (replicas[writer] ?? 0) < wanted);
    if (below.length === 0 || hostedCluster === undefined) return;
    const value = stringAt(hostedCluster, "spec", "pausedUntil");
    if (!isPausing(value, clock.now())) return;
    const until = parseTime(value ?? "");
    if (until === undefined) this.#report(`a writer is stopped while paused until ${String(value)}`);
    else if (stringAt(hostedCluster, "metadata", "annotations", journalAnnotation) === undefined)
      this.#report("a writer is stopped while paused, and there is no journal");
  }

  #lookAtPause(hostedCluster: JsonObject): void {
    const { timeline, clock, request } = this.#world;
    const nowMs = timeline.nowMs();
    const value = at(hostedCluster, "spec", "pausedUntil");
    const annotation = stringAt(hostedCluster, "metadata", "annotations", journalAnnotation);
    if (annotation !== undefined) this.note(annotation);
    const journal = parseJournalFields(annotation);
    const mine = journal !== undefined && value === journal.deadline && isPausing(journal.deadline, clock.now());
    if (mine) {
      if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(journal.deadline)) this.#report(`${journal.deadline} was written`);
      if (this.#pause?.nonce !== journal.nonce) this.#pause = { nonce: journal.nonce, sinceMs: nowMs, untilMs: nowMs };
      this.#pause.untilMs = Date.parse(journal.deadline);
      // The deadline itself counts: the machine may be gone the next moment. Dates have whole seconds.
      const heldMs = this.#pause.untilMs - this.#pause.sinceMs;
      if (heldMs > request.maxPauseMs + 1000) this.#report(`a hold may last ${String(heldMs)} ms`);
    } else if (this.#pause !== undefined) {
      this.longestPauseMs = Math.max(this.longestPauseMs, Math.min(nowMs, this.#pause.untilMs) - this.#pause.sinceMs);
      this.#pause = undefined;
    }
    this.#checkReturn();
  }

  #report(problem: string): void {
    if (!this.problems.includes(problem)) this.problems.push(problem);
  }
}

function parseJournalFields(
  text: string | undefined,
): { readonly nonce: string; readonly deadline: string } | undefined {
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const nonce = stringAt(value, "nonce");
  const deadline = stringAt(value, "deadline");
  return nonce === undefined || deadline === undefined || numberAt(value, "v") !== 1 ? undefined : { nonce, deadline };
}
