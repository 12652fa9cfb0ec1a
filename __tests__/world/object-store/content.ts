import { createReadStream } from "node:fs";
import { open, truncate } from "node:fs/promises";

/** A file that holds a piece of an object: the parts of a multipart upload stay the files they came in. */
export interface Segment {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Bytes `first` to `last`, both included, of the segments in order. */
export interface ContentRange {
  readonly segments: readonly Segment[];
  readonly first: number;
  readonly last: number;
}

const chunkBytes = 256 * 1024;

export function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

export function wholeOf(segments: readonly Segment[]): ContentRange {
  return { segments, first: 0, last: sizeOf(segments) - 1 };
}

/** Chunks of the files, never the whole of them. */
export async function* readContent({ segments, first, last }: ContentRange): AsyncGenerator<Buffer> {
  let offset = 0;
  for (const { path, sizeBytes } of segments) {
    const start = Math.max(first - offset, 0);
    const end = Math.min(last - offset, sizeBytes - 1);
    if (start <= end)
      for await (const chunk of createReadStream(path, { start, end, highWaterMark: chunkBytes }))
        if (Buffer.isBuffer(chunk)) yield chunk;
    offset += sizeBytes;
  }
}

/** Damage that no request did: what a proof must find. */
export type Tampering =
  { readonly kind: "flip-byte"; readonly offset: number } | { readonly kind: "truncate"; readonly sizeBytes: number };

/** The segments after the damage; offsets and sizes are cut to what is there. */
export async function tamperWith(segments: readonly Segment[], tampering: Tampering): Promise<readonly Segment[]> {
  if (tampering.kind === "flip-byte") {
    await flipByte(segments, Math.min(tampering.offset, sizeOf(segments) - 1));
    return segments;
  }
  const left: Segment[] = [];
  let missing = tampering.sizeBytes;
  for (const segment of segments) {
    const sizeBytes = Math.min(segment.sizeBytes, missing);
    if (sizeBytes < segment.sizeBytes) await truncate(segment.path, sizeBytes);
    if (sizeBytes > 0) left.push({ path: segment.path, sizeBytes });
    missing -= sizeBytes;
  }
  return left;
}

async function flipByte(segments: readonly Segment[], offset: number): Promise<void> {
  let start = 0;
  for (const { path, sizeBytes } of segments) {
    if (offset >= start && offset < start + sizeBytes) {
      const file = await open(path, "r+");
      try {
        const byte = Buffer.alloc(1);
        await file.read(byte, 0, 1, offset - start);
        await file.write(Buffer.from([byte.readUInt8() ^ 0x01]), 0, 1, offset - start);
      } finally {
        await file.close();
      }
    }
    start += sizeBytes;
  }
}
