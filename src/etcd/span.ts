/** Some of the bytes of a page: a buffer of their own for each key and value would cost more than reading them. */
export interface Span {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

export function spanOf(bytes: Buffer): Span {
  return { bytes, start: 0, end: bytes.length };
}

export function lengthOf({ start, end }: Span): number {
  return end - start;
}

/** The same bytes as a buffer, which shares their memory. */
export function bufferOf({ bytes, start, end }: Span): Buffer {
  return bytes.subarray(start, end);
}

/** The first bytes as text, `longest` at most. */
export function latin1Of({ bytes, start, end }: Span, longest: number): string {
  return bytes.toString("latin1", start, Math.min(end, start + longest));
}

/** The view of what was read last, most often a page with many values: one for each value would cost more. */
let viewed: Uint8Array = new Uint8Array(0);
let view = new DataView(viewed.buffer);

/** Reads numbers from `bytes` faster than their own methods; positions count from their start. */
export function viewOf(bytes: Uint8Array): DataView {
  if (viewed !== bytes) {
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    viewed = bytes;
  }
  return view;
}
