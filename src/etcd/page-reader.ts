import type { Meta } from "./meta-page.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import { invalidPage, parsePageHeader, type Page } from "./page.ts";
import { readExactly, type SnapshotSource } from "./source.ts";

/** Pages that are so near are read in one go, with those in between: most often their overflow. */
const gapBytes = 64 * 1024;
/** A read is done by another thread: a large one costs the processor a third of small ones. */
const readBytes = 2 * 1024 * 1024;
/** With the bytes between them, so many of 4 KiB take 17 MiB at most. */
const mostPages = 256;
/** Where pages lie scattered, each is a read of its own, and many at once cost half of a few at once. */
const readsInFlight = 32;
/** etcd refuses requests above 1.5 MiB unless it is told otherwise, and a leaf that is larger holds few of them. */
const largestPageBytes = 64 * 1024 * 1024;

interface Extent {
  readonly offset: number;
  readonly length: number;
}

interface Chunk {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** The first pages of some ids, and what was read with them. To be given back, so that its memory is used again. */
export interface PageBatch {
  readonly chunks: readonly Chunk[];
  readonly memory: Buffer;
}

/** Reads pages by their ids, many of them at once, into memory that it uses again and again. */
export class PageReader {
  readonly #source: SnapshotSource;
  readonly #meta: Meta;
  readonly #unused: Buffer[] = [];
  /** For pages whose overflow was not read with them, one at a time. */
  #large: Buffer = Buffer.alloc(0);
  #seenPages = 0;
  #seenOverflow = 0;

  constructor(source: SnapshotSource, meta: Meta) {
    this.#source = source;
    this.#meta = meta;
  }

  /** One page with its overflow; throws `snapshot-invalid`. */
  async read(id: number): Promise<Page> {
    const batch = await this.readBatch([id]);
    try {
      return await this.page(id, batch);
    } finally {
      this.release(batch);
    }
  }

  /** How many pages are to be read at once, by the size of those that were read so far. */
  get pagesInOneRead(): number {
    return Math.min(mostPages, Math.ceil(readBytes / ((1 + this.#usualOverflow) * this.#meta.pageSizeBytes)));
  }

  /** The first page of each of `ids`, and as many behind it as most others had; to be taken by `page`. */
  async readBatch(ids: readonly number[]): Promise<PageBatch> {
    const { pageSizeBytes: size, pageCount } = this.#meta;
    for (const id of ids) if (id >= pageCount) throw invalidSnapshot(`there is no page ${String(id)}`);
    const pages = 1 + this.#usualOverflow;
    const extents = joinExtents(
      [...ids]
        .sort((one, other) => one - other)
        .map((id) => ({ offset: id * size, length: Math.min(pages, pageCount - id) * size })),
    );
    const memory = this.#take(extents.reduce((sum, { length }) => sum + length, 0));
    const chunks: Chunk[] = [];
    let filled = 0;
    for (let index = 0; index < extents.length; index += readsInFlight)
      chunks.push(
        ...(await Promise.all(
          extents.slice(index, index + readsInFlight).map(async ({ offset, length }) => {
            const into = memory.subarray(filled, filled + length);
            filled += length;
            return { offset, bytes: await readExactly(this.#source, { offset, length, into }) };
          }),
        )),
      );
    return { chunks, memory };
  }

  /** Of the pages that were read so far. */
  get #usualOverflow(): number {
    return this.#seenPages === 0 ? 0 : Math.round(this.#seenOverflow / this.#seenPages);
  }

  release({ memory }: PageBatch): void {
    this.#unused.push(memory);
  }

  /** The page `id` of a batch; a promise where its overflow has to be read, good until the next is. */
  page(id: number, { chunks }: PageBatch): Page | Promise<Page> {
    const size = this.#meta.pageSizeBytes;
    const chunk = findChunk(chunks, id * size);
    const start = id * size - chunk.offset;
    const header = parsePageHeader(chunk.bytes, start);
    if (header.id !== id) throw invalidSnapshot(`page ${String(id)} says that it is page ${String(header.id)}`);
    if (id + header.overflow >= this.#meta.pageCount) throw invalidPage(header, "reaches beyond the last page");
    const length = (header.overflow + 1) * size;
    this.#seenPages += 1;
    this.#seenOverflow += Math.min(header.overflow, gapBytes / size);
    if (length > largestPageBytes) throw invalidPage(header, `has ${String(length)} bytes, more than etcd lets in`);
    if (start + length <= chunk.bytes.length)
      return { ...header, bytes: chunk.bytes.subarray(start, start + length), slackBytes: size };
    if (this.#large.length < length) this.#large = Buffer.allocUnsafe(length);
    return readExactly(this.#source, { offset: id * size, length, into: this.#large.subarray(0, length) }).then(
      (bytes) => ({ ...header, bytes, slackBytes: size }),
    );
  }

  /** Memory of `length` bytes or more. */
  #take(length: number): Buffer {
    const unused = this.#unused.pop();
    return unused !== undefined && unused.length >= length ? unused : Buffer.allocUnsafe(Math.max(length, readBytes));
  }
}

function joinExtents(sorted: readonly Extent[]): readonly Extent[] {
  const joined: Extent[] = [];
  for (const next of sorted) {
    const last = joined.at(-1);
    const end = next.offset + next.length;
    if (last && next.offset <= last.offset + last.length + gapBytes && end - last.offset <= readBytes)
      joined[joined.length - 1] = { offset: last.offset, length: Math.max(last.length, end - last.offset) };
    else joined.push(next);
  }
  return joined;
}

/** The chunk that holds `offset`; chunks are in ascending order. */
function findChunk(chunks: readonly Chunk[], offset: number): Chunk {
  let low = 0;
  let high = chunks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((chunks[middle]?.offset ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  const chunk = chunks[low];
  if (!chunk) throw invalidSnapshot(`nothing was read at offset ${String(offset)}`);
  return chunk;
}
