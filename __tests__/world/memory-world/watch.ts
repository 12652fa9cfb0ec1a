import { at, numberAt, stringAt } from "../../../src/json-path.ts";
import { journalAnnotation } from "../../../src/hold/journal.ts";
import { isPausing } from "../../../src/hypershift/pause.ts";
import type { JsonObject } from "../management-cluster/json.ts";
import type { MemoryWorld } from "./world.ts";
import { parseTime } from "../../../src/time.ts";

interface Held {
  readonly nonce: string;
  readonly deadline: string;
}

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
  /** Values of pausedUntil that are none of a run's: those of the start, and of somebody else. */
  readonly #foreignValues = new Set<unknown>([undefined, null]);
  #outageSinceMs: number | undefined;
  #pause: (Held & { readonly sinceMs: number; untilMs: number }) | undefined;
  #journal: Held | undefined;
  /** Somebody else took a journal away, or paused in a run's stead: what follows from that is not a run's doing. */
  #isForeign = false;
  readonly #resumed = new Set<string>();

  constructor(world: MemoryWorld) {
    this.#world = world;
    this.#wanted = world.replicas;
    this.#foreignValues.add(world.pausedUntil);
    world.objects.onChange((resource, object) => {
      if (resource === "hostedclusters") this.#lookAtPause(object);
      if (resource === "deployments") this.#lookAtWriters();
    });
  }

  note(text: string): void {
    this.seen.add(text);
  }

  /** To be called before somebody else writes `patch` to the HostedCluster. */
  expectForeign(patch: JsonObject): void {
    const spec = at(patch, "spec", "pausedUntil");
    const annotations = at(patch, "metadata", "annotations");
    if (spec !== undefined) {
      this.#foreignValues.add(spec);
      // Whoever is paused now must not pause again.
      if (this.#pause !== undefined) this.#resumed.add(this.#pause.nonce);
    }
    if (spec !== undefined || (typeof annotations === "object" && annotations !== null)) {
      this.#isForeign = true;
      this.#journal = undefined;
    }
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
    const { hostedCluster, clock } = this.#world;
    if (hostedCluster === undefined || this.#isForeign) return;
    if (!this.#isBelow()) return;
    const value = stringAt(hostedCluster, "spec", "pausedUntil");
    if (!isPausing(value, clock.now())) return;
    if (parseTime(value ?? "") === undefined) this.#report(`a writer is stopped while paused until ${String(value)}`);
    else if (stringAt(hostedCluster, "metadata", "annotations", journalAnnotation) === undefined)
      this.#report("a writer is stopped while paused, and there is no journal");
  }

  /** True while a writer is wanted less than at the start. */
  #isBelow(): boolean {
    const { replicas } = this.#world;
    return Object.entries(this.#wanted).some(([writer, wanted]) => (replicas[writer] ?? 0) < wanted);
  }

  #lookAtPause(hostedCluster: JsonObject): void {
    const value = at(hostedCluster, "spec", "pausedUntil");
    const annotation = stringAt(hostedCluster, "metadata", "annotations", journalAnnotation);
    if (annotation !== undefined) this.note(annotation);
    const journal = readHeld(annotation);
    this.#lookAtOwner(journal);
    if (!this.#foreignValues.has(value) && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(String(value)))
      this.#report(`${JSON.stringify(value)} was written to pausedUntil`);
    const isHeld = journal !== undefined && value === journal.deadline && isPausing(value, this.#world.clock.now());
    if (isHeld) this.#lookAtHold(journal);
    else this.#endHold();
    this.#checkReturn();
  }

  /** A journal gives way to another one only when it is dead. */
  #lookAtOwner(journal: Held | undefined): void {
    const before = this.#journal;
    this.#journal = journal;
    // An acquire whose answer was lost may be done again after somebody took its journal away: nothing was stopped by then.
    if (journal === undefined && !this.#isBelow()) this.#resumed.clear();
    if (before === undefined || journal === undefined || before.nonce === journal.nonce) return;
    if (Date.parse(before.deadline) > this.#world.timeline.nowMs()) this.#report("a run took a live one's lock");
  }

  #lookAtHold(journal: Held): void {
    const nowMs = this.#world.timeline.nowMs();
    if (this.#pause?.nonce !== journal.nonce) {
      this.#endHold();
      this.#pause = { ...journal, sinceMs: nowMs, untilMs: nowMs };
    }
    if (this.#resumed.has(journal.nonce) && this.#isBelow())
      this.#report("a run paused again what somebody else had resumed");
    this.#pause.untilMs = Date.parse(journal.deadline);
    // The deadline itself counts: the machine may be gone the next moment. Dates have whole seconds.
    const heldMs = this.#pause.untilMs - this.#pause.sinceMs;
    if (heldMs > this.#world.request.maxPauseMs + 1000) this.#report(`a hold may last ${String(heldMs)} ms`);
  }

  #endHold(): void {
    if (this.#pause === undefined) return;
    const { sinceMs, untilMs } = this.#pause;
    this.longestPauseMs = Math.max(this.longestPauseMs, Math.min(this.#world.timeline.nowMs(), untilMs) - sinceMs);
    this.#pause = undefined;
  }

  #report(problem: string): void {
    if (!this.problems.includes(problem)) this.problems.push(problem);
  }
}

function readHeld(text: string | undefined): Held | undefined {
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
