import { BitSet } from "./bit-set.ts";
import { crc32cOfRange } from "./crc32c.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import { KeyIndex } from "./key-index.ts";
import { parseKeyValue, type KeyValue } from "./key-value.ts";
import { NumberList } from "./number-list.ts";
import type { LeafElement } from "./page.ts";
import { parseRevision, type Revision } from "./revision.ts";
import { spanOf } from "./span.ts";

/** By which HyperShift's restore raises the revision: `--bump-revision 1000000000 --mark-compacted`. */
export const revisionBump = 1_000_000_000;

/** The revision that an etcd without any change has: kvstore.go, `currentRev: 1`. */
const firstRevision = 1;
const noKey = spanOf(Buffer.alloc(0));
/** No hold is so long that more leases expire in it; what is beyond counts as unexplained. */
const longestTail = 100_000;

/** An entry of the bucket `key`; without `keyValue` the nameless one that a restore with a bump leaves. */
export interface Change {
  readonly revision: Revision;
  readonly keyValue: KeyValue | undefined;
}

/**
 * Reads an entry of the bucket `key`. The entry of a bumped restore has no value at all (modifyLatestRevision in
 * etcdutl/snapshot/v3_snapshot.go); every other has one. Throws `snapshot-invalid`.
 */
export function parseChange(element: LeafElement): Change {
  const { bytes, start, valueStart, end } = element;
  const revision = parseRevision(bytes, start, valueStart);
  const isBump = valueStart === end && revision.sub === 0 && !revision.tombstone && revision.main >= revisionBump;
  return { revision, keyValue: isBump ? undefined : parseKeyValue(element, revision) };
}

/** Some of the changes, by their places in the order of all. */
export interface PlaceSet {
  has(place: number): boolean;
}

/** All changes that the bucket `key` holds, in their order: of each a few numbers, and not its bytes. */
export class History {
  readonly #index = new KeyIndex();
  readonly #mains = new NumberList((length) => new Float64Array(length));
  readonly #checksums = new NumberList((length) => new Uint32Array(length));
  readonly #lengths = new NumberList((length) => new Uint32Array(length));
  readonly #tombstones = new BitSet(0);
  readonly #bumps = new BitSet(0);
  readonly #live = new BitSet(0);
  readonly #pastRevision: number | undefined;
  #liveInPast: BitSet | undefined;
  #liveCount = 0;
  #lastSub = 0;
  #highestMissing = 0;
  #newestBump = 0;
  readonly #deletedInTail = new Map<number, number>();
  readonly #tailAfter: number;

  /** `pastRevision`: for which it must be known later what was alive; `tailAfter`: deletions behind it are looked at. */
  constructor(options: { readonly pastRevision?: number | undefined; readonly tailAfter?: number | undefined } = {}) {
    this.#pastRevision = options.pastRevision;
    this.#tailAfter = options.tailAfter ?? Number.POSITIVE_INFINITY;
  }

  get length(): number {
    return this.#mains.length;
  }

  /** The revision of the last change; 0 when there is none. */
  get lastRevision(): number {
    return this.#mains.at(this.length - 1);
  }

  /** How many keys are alive at the end, the nameless one of a bumped restore counted, as etcdutl 3.6 does. */
  get liveCount(): number {
    return this.#liveCount;
  }

  /** The revision to which a restore raised the newest; 0 when there was none. */
  get newestBump(): number {
    return this.#newestBump;
  }

  /** The highest revision of which a change is missing between the first and the last; 0 when there is none. */
  get highestMissing(): number {
    return this.#highestMissing;
  }

  /** Adds the next change, and returns the CRC-32C of the entry's key and value. Throws `snapshot-invalid`. */
  add(element: LeafElement): number {
    const { revision, keyValue } = parseChange(element);
    const place = this.length;
    this.#checkOrder(revision, keyValue === undefined);
    if (this.#pastRevision !== undefined && revision.main > this.#pastRevision) this.#liveInPast ??= this.#live.copy();
    const checksum = crc32cOfRange(element.bytes, element);
    this.#mains.push(revision.main);
    this.#checksums.push(checksum);
    this.#lengths.push(element.end - element.start);
    const before = this.#index.replace(keyValue?.key ?? noKey, place);
    if (before >= 0 && this.#live.has(before)) {
      this.#live.delete(before);
      this.#liveCount -= 1;
      if (revision.tombstone && revision.main > this.#tailAfter && this.#deletedInTail.size < longestTail)
        this.#deletedInTail.set(place, before);
    }
    if (revision.tombstone) this.#tombstones.add(place);
    else {
      this.#live.add(place);
      this.#liveCount += 1;
    }
    if (!keyValue) {
      this.#bumps.add(place);
      this.#newestBump = revision.main;
    }
    return checksum;
  }

  main(place: number): number {
    return this.#mains.at(place);
  }

  /** True for a change that is the only one of its revision. */
  isAlone(place: number): boolean {
    const main = this.#mains.at(place);
    return this.#mains.at(place - 1) !== main && this.#mains.at(place + 1) !== main;
  }

  checksum(place: number): number {
    return this.#checksums.at(place);
  }

  pairLength(place: number): number {
    return this.#lengths.at(place);
  }

  isTombstone(place: number): boolean {
    return this.#tombstones.has(place);
  }

  isBump(place: number): boolean {
    return this.#bumps.has(place);
  }

  /** The places of the keys that are alive at the end. */
  get live(): PlaceSet {
    return this.#live;
  }

  /** The same at `pastRevision`. */
  get liveInPast(): PlaceSet {
    return this.#liveInPast ?? this.#live;
  }

  /** The place of the first change above a revision. */
  firstAbove(revision: number): number {
    return this.#mains.firstAbove(revision);
  }

  /** For each deletion behind `tailAfter` the place of what it deleted, where the file still has it. */
  get deletedInTail(): ReadonlyMap<number, number> {
    return this.#deletedInTail;
  }

  #checkOrder({ main, sub }: Revision, isBump: boolean): void {
    const last = this.length === 0 ? firstRevision : this.lastRevision;
    const follows = main === last ? sub === this.#lastSub + 1 && this.length > 0 : main === last + 1 && sub === 0;
    if (main < last || (main === last && (this.length === 0 || sub <= this.#lastSub)))
      throw invalidSnapshot(`the changes of revision ${String(main)} are not in order`);
    if (isBump && main - revisionBump < (this.length === 0 ? 0 : last))
      throw invalidSnapshot(`revision ${String(main)} has no value, and is not what a restore leaves`);
    if (!follows) this.#highestMissing = sub === 0 ? main - 1 : main;
    this.#lastSub = sub;
  }
}
