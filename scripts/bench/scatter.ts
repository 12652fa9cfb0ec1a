import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { writeMetaChecksum } from "../../__tests__/world/snapshot/database.ts";

const pageBytes = 4096;
const headerBytes = 16;
const elementBytes = 16;
const branch = 1;
const leaf = 2;

/**
 * Puts the pages of a snapshot into an order by chance, as in a database that was written to for long and never defragmented;
 * it says the same as before. The file must fit into memory.
 */
export function scatterPages(path: string): void {
  const bytes = readFileSync(path);
  const scattered = Buffer.alloc(bytes.length);
  const spans = shuffle(listSpans(bytes));
  const places = new Map<number, number>();
  let next = 2;
  for (const { id, pages } of spans) {
    places.set(id, next);
    next += pages;
  }
  const move = (page: Buffer, offset: number): void => {
    page.writeBigUInt64LE(BigInt(places.get(Number(page.readBigUInt64LE(offset))) ?? 0), offset);
  };
  for (const { id, pages } of spans) {
    const page = Buffer.from(bytes.subarray(id * pageBytes, (id + pages) * pageBytes));
    move(page, 0);
    for (const offset of listPointers(page)) move(page, offset);
    page.copy(scattered, (places.get(id) ?? 0) * pageBytes);
  }
  for (const meta of [0, 1]) {
    const page = Buffer.from(bytes.subarray(meta * pageBytes, (meta + 1) * pageBytes));
    move(page, headerBytes + 16);
    writeMetaChecksum(page);
    page.copy(scattered, meta * pageBytes);
  }
  createHash("sha256")
    .update(scattered.subarray(0, -32))
    .digest()
    .copy(scattered, scattered.length - 32);
  writeFileSync(path, scattered);
}

interface Span {
  readonly id: number;
  readonly pages: number;
}

/** Each page with its overflow, behind the two meta pages. */
function listSpans(bytes: Buffer): Span[] {
  const spans: Span[] = [];
  for (let id = 2; (id + 1) * pageBytes <= bytes.length;) {
    const pages = bytes.readUInt32LE(id * pageBytes + 12) + 1;
    spans.push({ id, pages });
    id += pages;
  }
  return spans;
}

function shuffle(spans: readonly Span[]): readonly Span[] {
  return spans
    .map((span) => ({ span, draw: Math.random() }))
    .sort((one, other) => one.draw - other.draw)
    .map(({ span }) => span);
}

/** Where a page names another: in each element of a branch, and in the head of a bucket that is not inline. */
function listPointers(page: Buffer): readonly number[] {
  const elements = Array.from({ length: page.readUInt16LE(10) }, (_, index) => headerBytes + index * elementBytes);
  switch (page.readUInt16LE(8)) {
    case branch:
      return elements.map((element) => element + 8);
    case leaf:
      return elements
        .filter((element) => page.readUInt32LE(element) !== 0)
        .map((element) => element + page.readUInt32LE(element + 4) + page.readUInt32LE(element + 8))
        .filter((bucket) => page.readBigUInt64LE(bucket) !== 0n);
    default:
      return [];
  }
}
