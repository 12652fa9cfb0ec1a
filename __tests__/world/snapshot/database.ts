import { createHash } from "node:crypto";

/** An entry of a bucket. */
export type Entry = readonly [key: Buffer, value: Buffer];

export interface DatabaseOptions {
  readonly pageSizeBytes?: number;
  /** How many entries a leaf page has at most, so that a few make a tree. */
  readonly entriesInLeaf?: number;
  /** `none`: not kept, as etcd has it; else a page that lists the free pages. */
  readonly freelist?: "none" | "listed";
  /** Pages behind all others that nobody uses. */
  readonly freePages?: number;
  /** Buckets of so many bytes or less stand within their entry. */
  readonly inlineBytes?: number;
}

const headerBytes = 16;
const elementBytes = 16;
const noFreelist = 0xffff_ffff_ffff_ffffn;

/** Writes bbolt databases by its format, which internal/common of go.etcd.io/bbolt gives. */
export class DatabaseWriter {
  readonly #pageSizeBytes: number;
  readonly #entriesInLeaf: number;
  readonly #inlineBytes: number;
  readonly #options: DatabaseOptions;
  readonly #onPage: (page: Buffer) => void;
  #pageCount = 2;

  /** `onPage` gets each page with its overflow, from page 2 on. */
  constructor(options: DatabaseOptions, onPage: (page: Buffer) => void) {
    const { pageSizeBytes = 4096, entriesInLeaf = 1000, inlineBytes = 800 } = options;
    this.#options = options;
    this.#onPage = onPage;
    this.#pageSizeBytes = pageSizeBytes;
    this.#entriesInLeaf = entriesInLeaf;
    this.#inlineBytes = inlineBytes;
  }

  /** Returns the meta pages. The entries of a bucket that are no list are taken one after the other, however many they are. */
  write(buckets: Readonly<Record<string, Iterable<Entry>>>): Buffer {
    const options = this.#options;
    const root = this.#writeTree(
      Object.entries(buckets)
        .sort(([one], [other]) => Buffer.from(one).compare(Buffer.from(other)))
        .map(([name, entries]) => ({ key: Buffer.from(name), value: this.#writeBucket(entries), flags: 1 })),
    );
    const freePages = options.freePages ?? 0;
    const freelistPage = options.freelist === "listed" ? this.#writeFreelist(freePages) : undefined;
    for (let index = 0; index < freePages; index += 1) this.#append(Buffer.alloc(this.#pageSizeBytes, 0xee));
    const meta = { root, freelistPage, pageCount: this.#pageCount };
    return Buffer.concat([this.#meta({ ...meta, page: 0, txid: 20 }), this.#meta({ ...meta, page: 1, txid: 19 })]);
  }

  #writeBucket(entries: Iterable<Entry>): Buffer {
    const header = Buffer.alloc(16);
    if (!Array.isArray(entries)) {
      header.writeBigUInt64LE(BigInt(this.#writeTree(toItems(entries))));
      return header;
    }
    const items = [...toItems(entries)];
    const sizeBytes = items.reduce(
      (sum, { key, value }) => sum + elementBytes + key.length + value.length,
      headerBytes,
    );
    if (sizeBytes <= this.#inlineBytes) return Buffer.concat([header, renderLeaf(0, items, 0)]);
    header.writeBigUInt64LE(BigInt(this.#writeTree(items)));
    return header;
  }

  #writeTree(items: Iterable<Item>): number {
    let level: { readonly key: Buffer; readonly page: number }[] = [];
    let part: Item[] = [];
    const writeLeaf = (): void => {
      const size =
        headerBytes + part.reduce((sum, { key, value }) => sum + elementBytes + key.length + value.length, 0);
      const overflow = Math.ceil(size / this.#pageSizeBytes) - 1;
      const page = this.#append(renderLeaf(this.#pageCount, part, overflow));
      level.push({ key: part[0]?.key ?? Buffer.alloc(0), page });
      part = [];
    };
    for (const item of items) {
      part.push(item);
      if (part.length === this.#entriesInLeaf) writeLeaf();
    }
    if (part.length > 0 || level.length === 0) writeLeaf();
    while (level.length > 1) {
      const parents: typeof level = [];
      for (let start = 0; start < level.length; start += 50) {
        const part = level.slice(start, start + 50);
        parents.push({ key: part[0]?.key ?? Buffer.alloc(0), page: this.#append(renderBranch(this.#pageCount, part)) });
      }
      level = parents;
    }
    return level[0]?.page ?? 0;
  }

  #writeFreelist(freePages: number): number {
    const inFront = freePages >= 0xffff;
    const bytes = Buffer.alloc(headerBytes + (freePages + (inFront ? 1 : 0)) * 8);
    const pages = Math.ceil(bytes.length / this.#pageSizeBytes);
    const first = this.#pageCount + pages;
    writeHeader(bytes, { id: this.#pageCount, flags: 0x10, count: inFront ? 0xffff : freePages, overflow: pages - 1 });
    let position = headerBytes;
    if (inFront) position = bytes.writeBigUInt64LE(BigInt(freePages), position);
    for (let index = 0; index < freePages; index += 1)
      position = bytes.writeBigUInt64LE(BigInt(first + index), position);
    return this.#append(bytes);
  }

  #append(content: Buffer): number {
    const id = this.#pageCount;
    const pages = Math.max(1, Math.ceil(content.length / this.#pageSizeBytes));
    this.#onPage(Buffer.concat([content, Buffer.alloc(pages * this.#pageSizeBytes - content.length)]));
    this.#pageCount += pages;
    return id;
  }

  #meta(meta: {
    readonly page: number;
    readonly txid: number;
    readonly root: number;
    readonly freelistPage: number | undefined;
    readonly pageCount: number;
  }): Buffer {
    const bytes = Buffer.alloc(this.#pageSizeBytes);
    writeHeader(bytes, { id: meta.page, flags: 4, count: 0, overflow: 0 });
    const fields = bytes.subarray(headerBytes);
    fields.writeUInt32LE(0xed0cdaed, 0);
    fields.writeUInt32LE(2, 4);
    fields.writeUInt32LE(this.#pageSizeBytes, 8);
    fields.writeBigUInt64LE(BigInt(meta.root), 16);
    fields.writeBigUInt64LE(meta.freelistPage === undefined ? noFreelist : BigInt(meta.freelistPage), 32);
    fields.writeBigUInt64LE(BigInt(meta.pageCount), 40);
    fields.writeBigUInt64LE(BigInt(meta.txid), 48);
    writeMetaChecksum(bytes);
    return bytes;
  }
}

/** A database with these buckets. */
export function writeDatabase(
  buckets: Readonly<Record<string, readonly Entry[]>>,
  options: DatabaseOptions = {},
): Buffer {
  const pages: Buffer[] = [];
  const metas = new DatabaseWriter(options, (page) => pages.push(page)).write(buckets);
  return Buffer.concat([metas, ...pages]);
}

function* toItems(entries: Iterable<Entry>): Generator<Item> {
  for (const [key, value] of entries) yield { key, value, flags: 0 };
}

/** The database with the trailer that etcd puts behind it. */
export function withTrailer(database: Buffer): Buffer {
  return Buffer.concat([database, createHash("sha256").update(database).digest()]);
}

/** A snapshot whose root page is not a page any more, with a trailer that is right. */
export function breakPage(snapshot: Buffer, pageSizeBytes = 4096): Buffer {
  const database = Buffer.from(snapshot.subarray(0, -32));
  const root = Number(database.readBigUInt64LE(headerBytes + 16));
  database.fill(0xff, root * pageSizeBytes, (root + 1) * pageSizeBytes);
  return withTrailer(database);
}

/** Makes the checksum of a meta page right again, which begins at the first byte. */
export function writeMetaChecksum(page: Buffer): void {
  let hash = 0xcbf29ce484222325n;
  for (const byte of page.subarray(headerBytes, headerBytes + 56))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  page.writeBigUInt64LE(hash, headerBytes + 56);
}

interface Item {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly flags: number;
}

interface Header {
  readonly id: number;
  readonly flags: number;
  readonly count: number;
  readonly overflow: number;
}

function writeHeader(bytes: Buffer, { id, flags, count, overflow }: Header): void {
  bytes.writeBigUInt64LE(BigInt(id), 0);
  bytes.writeUInt16LE(flags, 8);
  bytes.writeUInt16LE(count, 10);
  bytes.writeUInt32LE(overflow, 12);
}

function renderLeaf(id: number, items: readonly Item[], overflow: number): Buffer {
  const head = Buffer.alloc(headerBytes + items.length * elementBytes);
  writeHeader(head, { id, flags: 2, count: items.length, overflow });
  let position = head.length;
  for (const [index, { key, value, flags }] of items.entries()) {
    const element = headerBytes + index * elementBytes;
    head.writeUInt32LE(flags, element);
    head.writeUInt32LE(position - element, element + 4);
    head.writeUInt32LE(key.length, element + 8);
    head.writeUInt32LE(value.length, element + 12);
    position += key.length + value.length;
  }
  return Buffer.concat([head, ...items.flatMap(({ key, value }) => [key, value])]);
}

function renderBranch(id: number, children: readonly { readonly key: Buffer; readonly page: number }[]): Buffer {
  const head = Buffer.alloc(headerBytes + children.length * elementBytes);
  writeHeader(head, { id, flags: 1, count: children.length, overflow: 0 });
  let position = head.length;
  for (const [index, { key, page }] of children.entries()) {
    const element = headerBytes + index * elementBytes;
    head.writeUInt32LE(position - element, element);
    head.writeUInt32LE(key.length, element + 4);
    head.writeBigUInt64LE(BigInt(page), element + 8);
    position += key.length;
  }
  return Buffer.concat([head, ...children.map(({ key }) => key)]);
}
