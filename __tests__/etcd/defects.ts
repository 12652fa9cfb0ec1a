import { withTrailer, writeMetaChecksum } from "../world/snapshot/database.ts";

/** A reproducible draw of numbers: mulberry32. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  pick<T>(items: readonly [T, ...T[]]): T {
    return items[this.below(items.length)] ?? items[0];
  }
}

export const defectKinds = [
  "bits flipped",
  "bytes written over",
  "cut",
  "grown",
  "pages swapped",
  "page zeroed",
  "page repeated",
  "older transaction",
  "metas exchanged",
  "wrong page id",
  "wrong element",
  "wrong root",
  "trailer of other bytes",
] as const;
export type DefectKind = (typeof defectKinds)[number];

export interface Defect {
  readonly kind: DefectKind;
  readonly bytes: Buffer;
}

const trailerBytes = 32;
const headerBytes = 16;

/** The file with one mistake. Its trailer is right again, but for the last kind: it must not answer for the parser. */
export function damage(file: Buffer, random: Random, kind: DefectKind): Defect {
  const database = Buffer.from(file.subarray(0, -trailerBytes));
  const pageBytes = database.readUInt32LE(headerBytes + 8);
  const pages = database.length / pageBytes;
  const page = (id: number): Buffer => database.subarray(id * pageBytes, (id + 1) * pageBytes);
  const anyPage = (): Buffer => page(2 + random.below(pages - 2));
  const sealed = (bytes: Buffer): Defect => ({ kind, bytes: withTrailer(bytes) });
  switch (kind) {
    case "bits flipped":
      for (let flips = 1 + random.below(3); flips > 0; flips -= 1)
        flip(database, random.below(database.length), random);
      return sealed(database);
    case "bytes written over": {
      const start = random.below(database.length);
      for (let index = start; index < Math.min(database.length, start + 1 + random.below(64)); index += 1)
        database[index] = random.below(256);
      return sealed(database);
    }
    case "cut":
      return sealed(database.subarray(0, random.pick([random.below(pages), pages - 1]) * pageBytes));
    case "grown":
      return sealed(Buffer.concat([database, random.pick([page(random.below(pages)), Buffer.alloc(pageBytes)])]));
    case "pages swapped": {
      const [one, other] = [anyPage(), anyPage()];
      const copy = Buffer.from(one);
      other.copy(one);
      copy.copy(other);
      return sealed(database);
    }
    case "page zeroed":
      anyPage().fill(0);
      return sealed(database);
    case "page repeated":
      anyPage().copy(anyPage());
      return sealed(database);
    case "older transaction": {
      const meta = page(random.below(2));
      meta.writeBigUInt64LE(BigInt(random.below(4)), headerBytes + 48);
      writeMetaChecksum(meta);
      return sealed(database);
    }
    case "metas exchanged": {
      const copy = Buffer.from(page(0));
      page(1).copy(page(0));
      copy.copy(page(1));
      if (random.below(2) === 0) for (const id of [0, 1]) page(id).writeBigUInt64LE(BigInt(id), 0);
      return sealed(database);
    }
    case "wrong page id":
      anyPage().writeUInt32LE(random.below(pages + 2), random.pick([0, 12]));
      return sealed(database);
    case "wrong element": {
      const target = anyPage();
      const count = Math.max(1, Math.min(200, target.readUInt16LE(10)));
      target.writeUInt32LE(random.below(pages * 8), headerBytes + random.below(count) * 16 + random.below(4) * 4);
      return sealed(database);
    }
    case "wrong root":
      for (const id of [0, 1]) {
        page(id).writeBigUInt64LE(BigInt(random.below(pages)), headerBytes + random.pick([16, 32, 40]));
        writeMetaChecksum(page(id));
      }
      return sealed(database);
    case "trailer of other bytes": {
      const whole = Buffer.from(file);
      flip(whole, random.below(whole.length), random);
      return { kind, bytes: whole };
    }
  }
}

function flip(bytes: Buffer, offset: number, random: Random): void {
  bytes[offset] = (bytes[offset] ?? 0) ^ (1 << random.below(8));
}

/**
 * Marks the bytes of a database that say something: heads, elements, keys and values of the pages in use. The rest are
 * free pages, the room that is left in others, and what only leads the way: a pointer may lead to what an earlier
 * transaction left, where that is the very same, and the key of a branch be any that stands between its children. Trusts
 * the file, which is to be a whole one.
 */
export function meaningfulBytes(file: Buffer): Uint8Array {
  const pageBytes = file.readUInt32LE(headerBytes + 8);
  const marks = new Uint8Array(file.length);
  const waysOnly: (readonly [start: number, end: number])[] = [];
  const mark = (start: number, end: number): void => {
    marks.fill(1, start, end);
  };
  const walk = (id: number, isRoot: boolean): void => {
    const start = id * pageBytes;
    const isLeaf = file.readUInt16LE(start + 8) === 2;
    let end = start + headerBytes;
    for (let index = 0; index < file.readUInt16LE(start + 10); index += 1) {
      const element = start + headerBytes + index * 16;
      end = Math.max(end, element + 16);
      if (isLeaf) {
        const key = element + file.readUInt32LE(element + 4);
        const value = key + file.readUInt32LE(element + 8);
        end = Math.max(end, value + file.readUInt32LE(element + 12));
        const child = isRoot ? Number(file.readBigUInt64LE(value)) : 0;
        if (child > 0) {
          waysOnly.push([value, value + 8]);
          walk(child, false);
        }
      } else {
        const key = element + file.readUInt32LE(element);
        const keyEnd = key + file.readUInt32LE(element + 4);
        end = Math.max(end, keyEnd);
        waysOnly.push([element + 4, element + 16], [key, keyEnd]);
        walk(Number(file.readBigUInt64LE(element + 8)), isRoot);
      }
    }
    mark(start, end);
  };

  const fields = headerBytes;
  walk(Number(file.readBigUInt64LE(fields + 16)), true);
  for (const page of [0, pageBytes]) mark(page, page + headerBytes + 64);
  const freelist = file.readBigUInt64LE(fields + 32);
  if (freelist < 2n ** 32n) {
    const start = Number(freelist) * pageBytes;
    mark(start, start + headerBytes + file.readUInt16LE(start + 10) * 8);
  }
  mark(file.length - trailerBytes, file.length);
  for (const [start, end] of waysOnly) marks.fill(0, start, end);
  return marks;
}
