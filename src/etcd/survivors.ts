import type { History } from "./history.ts";
import { NumberList } from "./number-list.ts";

/** Of one change: its revision, and length and CRC-32C of the entry that holds revision, key and value. */
interface ChangeFigures {
  readonly main: number;
  readonly checksum: number;
  readonly lengthBytes: number;
}

/** The keys that are alive in a snapshot, for a comparison with a later one: of each 16 bytes, and neither key nor value. */
export class LiveIndex {
  /** Of the last change. */
  readonly revision: number;
  readonly #mains = new NumberList((length) => new Float64Array(length));
  readonly #checksums = new NumberList((length) => new Uint32Array(length));
  readonly #lengths = new NumberList((length) => new Uint32Array(length));

  constructor(history: History) {
    this.revision = history.lastRevision;
    for (let place = 0; place < history.length; place += 1) {
      if (!history.live.has(place) || history.isBump(place)) continue;
      this.#mains.push(history.main(place));
      this.#checksums.push(history.checksum(place));
      this.#lengths.push(history.pairLength(place));
    }
  }

  /** True where a key that is alive was last changed by this very change. */
  has({ main, checksum, lengthBytes }: ChangeFigures): boolean {
    for (let index = this.#mains.firstAbove(main - 1); this.#mains.at(index) === main; index += 1)
      if (this.#checksums.at(index) === checksum && this.#lengths.at(index) === lengthBytes) return true;
    return false;
  }
}

/** The keys that nobody has changed since the revision of an earlier snapshot, by its account and by this one. */
export interface Survivors {
  /** Alive in both, and the same. */
  readonly untouched: number;
  /** The highest revision of those; 0 where there is none. */
  readonly newestRevision: number;
  /** Not changed since, and yet not in the earlier snapshot as they are here. */
  readonly foreign: number;
  /** Both by resource; a resource without either is left out. */
  readonly resources: Readonly<Record<string, { readonly untouched: number; readonly foreign: number }>>;
}

/** Counts the keys that an earlier snapshot must have, as they are met in the order of their revisions. */
export class SurvivorCount {
  readonly #earlier: LiveIndex;
  readonly #resources = new Map<string, { untouched: number; foreign: number }>();
  #newestRevision = 0;

  constructor(earlier: LiveIndex) {
    this.#earlier = earlier;
  }

  add(resource: string, change: ChangeFigures): void {
    if (change.main > this.#earlier.revision) return;
    const counts = this.#resources.get(resource) ?? { untouched: 0, foreign: 0 };
    this.#resources.set(resource, counts);
    if (this.#earlier.has(change)) {
      counts.untouched += 1;
      this.#newestRevision = change.main;
    } else counts.foreign += 1;
  }

  get result(): Survivors {
    const all = [...this.#resources.values()];
    return {
      untouched: all.reduce((sum, { untouched }) => sum + untouched, 0),
      newestRevision: this.#newestRevision,
      foreign: all.reduce((sum, { foreign }) => sum + foreign, 0),
      resources: Object.fromEntries(this.#resources),
    };
  }
}
