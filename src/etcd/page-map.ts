import { BitSet } from "./bit-set.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";

/** Which pages of the file are in use, and which are free: every page is exactly one of both. */
export class PageMap {
  readonly #pageCount: number;
  readonly #used: BitSet;
  readonly #free: BitSet;
  #usedCount = 0;
  #freeCount = 0;

  /** The two meta pages are in use. */
  constructor(pageCount: number) {
    this.#pageCount = pageCount;
    this.#used = new BitSet(pageCount);
    this.#free = new BitSet(pageCount);
    this.use(0, 2);
  }

  /** Takes `count` pages from `first` on; throws `snapshot-invalid` where one is outside of the file or taken already. */
  use(first: number, count: number): void {
    if (first + count > this.#pageCount) throw invalidSnapshot(`page ${String(first)} reaches beyond the last page`);
    for (let page = first; page < first + count; page += 1) {
      if (this.#used.has(page)) throw invalidSnapshot(`page ${String(page)} is reached twice`);
      if (this.#free.has(page)) throw invalidSnapshot(`page ${String(page)} is in use and among the free ones`);
      this.#used.add(page);
    }
    this.#usedCount += count;
  }

  free(page: number): void {
    if (page >= this.#pageCount) throw invalidSnapshot(`free page ${String(page)} is beyond the last page`);
    if (this.#used.has(page) || this.#free.has(page)) throw invalidSnapshot(`page ${String(page)} is free twice`);
    this.#free.add(page);
    this.#freeCount += 1;
  }

  isUsed(page: number): boolean {
    return this.#used.has(page);
  }

  get unaccounted(): number {
    return this.#pageCount - this.#usedCount - this.#freeCount;
  }

  get usedCount(): number {
    return this.#usedCount;
  }
}
