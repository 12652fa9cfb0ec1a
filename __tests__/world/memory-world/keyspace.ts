import type { Timeline } from "./timeline.ts";

/** Time between two writes of the API servers together. */
const writeEveryMs = 20;
const mostDeeds = 10;

/** A change that no API server made: a key whose lease expired, or a write of somebody else. */
export interface Deed {
  readonly kind: "expired" | "foreign";
  readonly revision: number;
}

/**
 * What etcd holds, as far as a backup goes: its revision, which each write raises by one. The API servers write for as long as
 * a pod of theirs is there, also one that is ending; how often is reckoned when somebody asks.
 */
export class Keyspace {
  readonly #timeline: Timeline;
  #revision = 1000;
  #reckonedMs: number;
  #isWritten = false;
  #deeds: readonly Deed[] = [];

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#reckonedMs = timeline.nowMs();
  }

  get revision(): number {
    this.#reckon();
    return this.#revision;
  }

  /** Those that are among the last changes up to `revision`. */
  deedsUntil(revision: number): readonly Deed[] {
    return this.#deeds.filter((deed) => deed.revision <= revision && deed.revision > revision - mostDeeds);
  }

  /** Something that raises the revision, and is no write of an API server. */
  change(kind: Deed["kind"]): void {
    this.#revision = this.revision + 1;
    this.#deeds = [...this.#deeds, { kind, revision: this.#revision }];
  }

  /** True while some API server can write. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** To be called when the first pod of an API server is there, and when the last is gone. */
  setWritten(isWritten: boolean): void {
    this.#reckon();
    this.#isWritten = isWritten;
  }

  #reckon(): void {
    const nowMs = this.#timeline.nowMs();
    if (this.#isWritten) {
      const writes = Math.floor((nowMs - this.#reckonedMs) / writeEveryMs);
      this.#revision += writes;
      this.#reckonedMs += writes * writeEveryMs;
    } else this.#reckonedMs = nowMs;
  }
}
