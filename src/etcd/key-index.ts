import { randomBytes } from "node:crypto";
import { viewOf, type Span } from "./span.ts";

const wordsInSlot = 3;
const smallestCapacity = 1024;
/** Above it, the places that are tried become many. */
const fullestShare = 0.7;
const movedAtOnce = 8;

/**
 * Remembers for each key the place of its last change. Keys are known by 64 bits of a hash with a seed that nobody can
 * foresee: two of 2 million keys are taken for one in a run of 10 million, and then the figures do not agree with those
 * of any member.
 */
export class KeyIndex {
  readonly #seeds = randomBytes(8);
  readonly #firstSeed = this.#seeds.readInt32LE(0);
  readonly #secondSeed = this.#seeds.readInt32LE(4);
  /** Both halves of the hash, and the place plus 1; a place of 0 is an empty slot. */
  #slots = createSlots(smallestCapacity);
  /** The slots before the last growth, while they are moved: a few with each key, since all at once would take too long. */
  #outgrown = createSlots(0);
  #moved = 0;
  #size = 0;

  /** The place that was noted for `key` before, or -1; `place` is the one from now on. */
  replace(key: Span, place: number): number {
    if (this.#size * wordsInSlot >= this.#slots.length * fullestShare) this.#grow();
    this.#move();
    const { first, second } = hashTwice(key, this.#firstSeed, this.#secondSeed);
    const slot = find(this.#slots, first, second);
    const before = this.#slots[slot + 2] ?? 0;
    const known = before === 0 && this.#outgrown.length > 0 ? this.#findOutgrown(first, second) : before;
    if (known === 0) this.#size += 1;
    note(this.#slots, slot, { first, second, placePlusOne: place + 1 });
    return known - 1;
  }

  #findOutgrown(first: number, second: number): number {
    return this.#outgrown[find(this.#outgrown, first, second) + 2] ?? 0;
  }

  #grow(): void {
    while (this.#outgrown.length > 0) this.#move();
    this.#outgrown = this.#slots;
    this.#moved = 0;
    this.#slots = createSlots((this.#outgrown.length / wordsInSlot) * 2);
  }

  #move(): void {
    const end = Math.min(this.#outgrown.length, this.#moved + movedAtOnce * wordsInSlot);
    for (; this.#moved < end; this.#moved += wordsInSlot) {
      const placePlusOne = this.#outgrown[this.#moved + 2] ?? 0;
      if (placePlusOne === 0) continue;
      const first = this.#outgrown[this.#moved] ?? 0;
      const second = this.#outgrown[this.#moved + 1] ?? 0;
      const slot = find(this.#slots, first, second);
      // A key that came again has a later place already.
      if (this.#slots[slot + 2] === 0) note(this.#slots, slot, { first, second, placePlusOne });
    }
    if (this.#moved === this.#outgrown.length && this.#moved > 0) {
      this.#outgrown = createSlots(0);
      this.#moved = 0;
    }
  }
}

function createSlots(capacity: number): Uint32Array {
  return new Uint32Array(capacity * wordsInSlot);
}

/** The slot of a key, or the empty one where it belongs. */
function find(slots: Uint32Array, first: number, second: number): number {
  const mask = slots.length / wordsInSlot - 1;
  for (let index = first & mask; ; index = (index + 1) & mask) {
    const slot = index * wordsInSlot;
    if (slots[slot + 2] === 0 || (slots[slot] === first && slots[slot + 1] === second)) return slot;
  }
}

function note(
  slots: Uint32Array,
  slot: number,
  { first, second, placePlusOne }: { readonly first: number; readonly second: number; readonly placePlusOne: number },
): void {
  slots[slot] = first;
  slots[slot + 1] = second;
  slots[slot + 2] = placePlusOne;
}

/** MurmurHash3 for 32 bits, with two seeds: most of the work is the same for both. */
function hashTwice(key: Span, firstSeed: number, secondSeed: number): { first: number; second: number } {
  const view = viewOf(key.bytes);
  let first = firstSeed;
  let second = secondSeed;
  let position = key.start;
  for (; position <= key.end - 4; position += 4) {
    const word = scramble(view.getInt32(position, true));
    first = mix(first ^ word);
    second = mix(second ^ word);
  }
  let rest = 0;
  for (let index = key.end - 1; index >= position; index -= 1) rest = (rest << 8) | view.getUint8(index);
  const end = scramble(rest) ^ (key.end - key.start);
  return { first: finish(first ^ end) >>> 0, second: finish(second ^ end) >>> 0 };
}

function mix(state: number): number {
  return (Math.imul(rotate(state, 13), 5) + 0xe6546b64) | 0;
}

function finish(end: number): number {
  let state = Math.imul(end ^ (end >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return state ^ (state >>> 16);
}

function scramble(word: number): number {
  return Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
