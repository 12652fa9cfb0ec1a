import { isDeepStrictEqual } from "node:util";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import { safeUint64 } from "./integers.ts";
import { pageHeaderBytes, parsePageHeader } from "./page.ts";
import { readExactly, type SnapshotSource } from "./source.ts";
import { trailerBytes } from "./trailer.ts";

/** The head of a bbolt database. Source: internal/common/meta.go in bbolt. */
export interface Meta {
  readonly pageSizeBytes: number;
  /** Root page of the bucket that holds all others. */
  readonly rootPage: number;
  /** Undefined where the list of free pages is not kept, as etcd has it. */
  readonly freelistPage: number | undefined;
  /** The number of pages; each page's id is lower. */
  readonly pageCount: number;
  readonly txid: number;
}

const magic = 0xed0cdaed;
const formatVersion = 2;
/** The fields of a meta; their FNV-1a (64 bits) follows. */
const checkedBytes = 56;
const metaBytes = pageHeaderBytes + checkedBytes + 8;
const noFreelist = 0xffff_ffff_ffff_ffffn;
/** bbolt looks for its second meta page at each power of two from 1 KiB to 16 MiB: db.go, getPageSizeFromSecondMeta. */
const smallestPageBytes = 1024;
const largestPageBytes = 16 * 1024 * 1024;

/**
 * The head of the database. A snapshot has both meta pages written anew: the second is the first with a transaction less,
 * whatever the member's own file has (bbolt's Tx.WriteTo). Throws `snapshot-invalid` for any other pair.
 */
export async function readMeta(source: SnapshotSource): Promise<Meta> {
  const databaseBytes = source.sizeBytes - trailerBytes;
  if (databaseBytes < 2 * smallestPageBytes) throw invalidSnapshot("it has no room for two meta pages");
  const meta = parseMeta(await readExactly(source, { offset: 0, length: metaBytes }), 0);
  if (databaseBytes < 2 * meta.pageSizeBytes) throw invalidSnapshot("it ends before its second meta page");
  const second = parseMeta(await readExactly(source, { offset: meta.pageSizeBytes, length: metaBytes }), 1);
  if (!isDeepStrictEqual(second, { ...meta, txid: meta.txid - 1 }))
    throw invalidSnapshot("its two meta pages are not those of one transaction");
  // Tx.WriteTo copies as many pages as the meta page tells, no more.
  if (meta.pageCount * meta.pageSizeBytes !== databaseBytes)
    throw invalidSnapshot(
      `it has ${String(databaseBytes)} bytes of database, and its meta page tells of ${String(meta.pageCount)} pages of ${String(meta.pageSizeBytes)} bytes`,
    );
  return meta;
}

function parseMeta(bytes: Buffer, page: 0 | 1): Meta {
  const header = parsePageHeader(bytes);
  if (header.id !== page || header.kind !== "meta" || header.count !== 0 || header.overflow !== 0)
    throw invalidSnapshot(`page ${String(page)} is not a meta page`);
  const fields = bytes.subarray(pageHeaderBytes);
  if (fields.readUInt32LE(0) !== magic || fields.readUInt32LE(4) !== formatVersion)
    throw invalidSnapshot(`meta page ${String(page)} is not of a bbolt database of version ${String(formatVersion)}`);
  if (fields.readBigUInt64LE(checkedBytes) !== fnv64a(fields.subarray(0, checkedBytes)))
    throw invalidSnapshot(`the checksum of meta page ${String(page)} is wrong`);
  const pageSizeBytes = fields.readUInt32LE(8);
  const isPowerOfTwo = Number.isInteger(Math.log2(pageSizeBytes));
  if (!isPowerOfTwo || pageSizeBytes < smallestPageBytes || pageSizeBytes > largestPageBytes)
    throw invalidSnapshot(`it has a page size of ${String(pageSizeBytes)} bytes`);
  if (fields.readUInt32LE(12) !== 0) throw invalidSnapshot(`meta page ${String(page)} has flags of an unknown format`);
  const freelist = fields.readBigUInt64LE(32);
  return {
    pageSizeBytes,
    rootPage: safeUint64(fields, 16),
    freelistPage: freelist === noFreelist ? undefined : safeUint64(fields, 32),
    pageCount: safeUint64(fields, 40),
    txid: safeUint64(fields, 48),
  };
}

function fnv64a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
