import { invalidSnapshot } from "./invalid-snapshot.ts";
import type { Pace } from "./pace.ts";
import type { PageMap } from "./page-map.ts";
import type { PageReader } from "./page-reader.ts";
import { branchElements, invalidPage, leafElements, type BranchElement, type LeafElement, type Page } from "./page.ts";

/** A tree of 64-bit page ids whose branches have two children each is not deeper. */
const deepest = 64;

/** The bounds of all keys of a page: at least `first`, below `next`. */
interface Bounds {
  readonly first: Buffer | undefined;
  readonly next: Buffer | undefined;
}

/** Called with the elements of a leaf page, whose bytes are good until it returns. */
export type LeafVisitor = (leaf: readonly LeafElement[]) => void;

interface TreeOptions {
  readonly pace: Pace;
  /** Each page that is reached is entered there; without it the tree was walked before. */
  readonly map?: PageMap;
}

/** Goes through the B+ tree of a bucket. */
export class Tree {
  readonly #reader: PageReader;
  readonly #map: PageMap | undefined;
  readonly #pace: Pace;

  constructor(reader: PageReader, { map, pace }: TreeOptions) {
    this.#reader = reader;
    this.#map = map;
    this.#pace = pace;
  }

  /**
   * Visits the leaf pages below `root` in the order of their keys, each with its elements checked: kinds, places, order
   * and bounds. Throws `snapshot-invalid`, the reason of an aborted signal, and what `visit` throws.
   */
  async walk(root: number, visit: LeafVisitor): Promise<void> {
    const bounds = { first: undefined, next: undefined };
    await this.#walkPages([{ page: root, bounds, depth: 0 }], visit);
  }

  /** Goes through pages that follow each other, which are read together: a branch alone has few children. */
  async #walkPages(places: readonly Place[], visit: LeafVisitor): Promise<void> {
    const reads = Math.ceil(places.length / this.#reader.pagesInOneRead);
    for (let read = 0; read < reads; read += 1) {
      const part = places.slice((places.length * read) / reads, (places.length * (read + 1)) / reads);
      // A page that is in the tree twice would be read again and again.
      if (this.#map) for (const { page } of part) assertNew(page, this.#map);
      const batch = await this.#reader.readBatch(part.map(({ page }) => page));
      let below: Place[] = [];
      const walkBelow = async (): Promise<void> => {
        const places = below;
        below = [];
        await this.#walkPages(places, visit);
      };
      for (const place of part) {
        // Most pages are here already, and waiting for each would take longer than reading it.
        const found = this.#reader.page(place.page, batch);
        let page = found instanceof Promise ? await found : found;
        if (page.kind === "leaf" && below.length > 0) {
          // No tree of bbolt's has a leaf beside a branch. Its bytes may be gone when what stands before it was visited.
          await walkBelow();
          page = await this.#reader.page(place.page, batch);
        }
        this.#map?.use(page.id, page.overflow + 1);
        if (page.kind === "leaf") visitLeaf(page, place, visit);
        else below.push(...placeChildren(page, place));
        if (below.length >= this.#reader.pagesInOneRead) await walkBelow();
        if (this.#pace.due) await this.#pace.rest();
      }
      await walkBelow();
      this.#reader.release(batch);
    }
  }
}

/** Where a page stands in the tree. */
interface Place {
  readonly page: number;
  readonly bounds: Bounds;
  readonly depth: number;
}

function visitLeaf(page: Page, { bounds, depth }: Place, visit: LeafVisitor): void {
  if (page.count === 0 && depth > 0) throw invalidPage(page, "is empty");
  visit(orderedLeaf(page, bounds));
}

function placeChildren(page: Page, place: Place): readonly Place[] {
  const children = orderedBranch(page, place);
  return children.map(({ key, page }, index) => ({
    page,
    bounds: { first: key, next: children[index + 1]?.key ?? place.bounds.next },
    depth: place.depth + 1,
  }));
}

function assertNew(page: number, map: PageMap): void {
  if (map.isUsed(page)) throw invalidSnapshot(`page ${String(page)} is reached twice`);
}

/** The elements of a leaf page; throws where their keys do not ascend, or leave the bounds that the branches set. */
export function orderedLeaf(page: Page, bounds: Bounds = { first: undefined, next: undefined }): LeafElement[] {
  const elements = leafElements(page);
  const [first] = elements;
  const last = elements.at(-1);
  if (first && last) {
    if (bounds.first && compareKeys(wholeKey(bounds.first), first) > 0) throw outOfOrder(page);
    for (let index = 1, before = first; index < elements.length; index += 1) {
      const element = elements[index] ?? before;
      if (compareKeys(before, element) >= 0) throw outOfOrder(page);
      before = element;
    }
    if (bounds.next && compareKeys(last, wholeKey(bounds.next)) >= 0)
      throw invalidPage(page, "has keys that belong behind it");
  }
  return elements;
}

/** The children of a branch page, checked as in `orderedLeaf`. */
function orderedBranch(page: Page, { bounds: { first, next }, depth }: Place): BranchElement[] {
  if (page.kind !== "branch") throw invalidSnapshot(`page ${String(page.id)} stands in a tree and is of another kind`);
  if (page.count === 0) throw invalidPage(page, "is empty");
  if (depth > deepest) throw invalidPage(page, "is deeper than any tree");
  const elements = branchElements(page);
  let before: Buffer | undefined;
  for (const { key } of elements) {
    if (before ? before.compare(key) >= 0 : first !== undefined && first.compare(key) > 0) throw outOfOrder(page);
    before = key;
  }
  if (before && next && before.compare(next) >= 0) throw invalidPage(page, "has keys that belong behind it");
  return elements;
}

function outOfOrder(page: Page): Error {
  return invalidPage(page, "has keys out of order");
}

/** The order of two keys, as `Buffer.compare` has it: most are revisions, too short for a call out of JavaScript. */
function compareKeys(one: Key, other: Key): number {
  const length = Math.min(one.valueStart - one.start, other.valueStart - other.start);
  for (let index = 0; index < length; index += 1) {
    const difference = (one.bytes[one.start + index] ?? 0) - (other.bytes[other.start + index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.valueStart - one.start - (other.valueStart - other.start);
}

type Key = Pick<LeafElement, "bytes" | "start" | "valueStart">;

function wholeKey(bytes: Buffer): Key {
  return { bytes, start: 0, valueStart: bytes.length };
}
