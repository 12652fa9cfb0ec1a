import type { ActionError } from "../errors.ts";
import { safeUint64 } from "./integers.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import { viewOf } from "./span.ts";

/** A page's head: id, kind, count, and how many pages more belong to it. Source: internal/common/page.go in bbolt. */
export const pageHeaderBytes = 16;
const elementBytes = 16;
const bucketFlag = 1;

export type PageKind = "branch" | "leaf" | "meta" | "freelist";

const kinds: Readonly<Partial<Record<number, PageKind>>> = { 1: "branch", 2: "leaf", 4: "meta", 16: "freelist" };

export interface PageHeader {
  readonly id: number;
  readonly kind: PageKind;
  readonly count: number;
  readonly overflow: number;
}

/** A page with its overflow, or an inline page within a bucket's entry. */
export interface Page extends PageHeader {
  /** Good until the reader is asked for the next page: its memory is used again. */
  readonly bytes: Buffer;
  /** How much may be left behind its content: a page at most, and nothing in an inline page. */
  readonly slackBytes: number;
}

/** Key and value stand in `bytes`, one behind the other: the key from `start`, the value from `valueStart` up to `end`. */
export interface LeafElement {
  readonly isBucket: boolean;
  readonly bytes: Buffer;
  readonly start: number;
  readonly valueStart: number;
  readonly end: number;
}

export interface BranchElement {
  readonly key: Buffer;
  readonly page: number;
}

export function keyOf({ bytes, start, valueStart }: LeafElement): Buffer {
  return bytes.subarray(start, valueStart);
}

export function valueOf({ bytes, valueStart, end }: LeafElement): Buffer {
  return bytes.subarray(valueStart, end);
}

/** Throws `snapshot-invalid` for a kind that does not exist. */
export function parsePageHeader(bytes: Buffer, offset = 0): PageHeader {
  const kind = kinds[bytes.readUInt16LE(offset + 8)];
  if (kind === undefined) throw invalidSnapshot("a page that is in use is of no known kind");
  return {
    id: safeUint64(bytes, offset),
    kind,
    count: bytes.readUInt16LE(offset + 10),
    overflow: bytes.readUInt32LE(offset + 12),
  };
}

/**
 * The entries of a leaf page, in their order. Throws `snapshot-invalid` where keys and values do not stand close together
 * behind the elements, as bbolt writes them (internal/common/inode.go), or do not fit.
 */
export function leafElements(page: Page): LeafElement[] {
  const { bytes } = page;
  const view = viewOf(bytes);
  const elements: LeafElement[] = [];
  let expected = contentStart(page);
  for (let element = pageHeaderBytes, index = 0; index < page.count; index += 1, element += elementBytes) {
    const flags = view.getUint32(element, true);
    const start = element + view.getUint32(element + 4, true);
    const valueStart = start + view.getUint32(element + 8, true);
    const end = valueStart + view.getUint32(element + 12, true);
    if (start !== expected || end > bytes.length) throw invalidPage(page, "has an element that points elsewhere");
    if (flags > bucketFlag) throw invalidPage(page, "has an element with unknown flags");
    expected = end;
    elements.push({ isBucket: flags === bucketFlag, bytes, start, valueStart, end });
  }
  checkRest(page, expected);
  return elements;
}

/** The children of a branch page, in their order; as `leafElements`. The keys are copies, which outlive the page. */
export function branchElements(page: Page): BranchElement[] {
  const { bytes } = page;
  const elements: BranchElement[] = [];
  let expected = contentStart(page);
  for (let element = pageHeaderBytes, index = 0; index < page.count; index += 1, element += elementBytes) {
    const start = element + bytes.readUInt32LE(element);
    const end = start + bytes.readUInt32LE(element + 4);
    if (start !== expected || end > bytes.length) throw invalidPage(page, "has an element that points elsewhere");
    expected = end;
    elements.push({ key: Buffer.from(bytes.subarray(start, end)), page: safeUint64(bytes, element + 8) });
  }
  checkRest(page, expected);
  return elements;
}

/** The error for a page of which `fault` is told. */
export function invalidPage(page: PageHeader, fault: string): ActionError {
  return invalidSnapshot(`${page.kind} page ${String(page.id)} ${fault}`);
}

function contentStart(page: Page): number {
  const start = pageHeaderBytes + page.count * elementBytes;
  if (start > page.bytes.length) throw invalidPage(page, "has more elements than fit");
  return start;
}

/** bbolt takes as many pages as the content needs, and before 1.3.7 one more where it just fits. */
function checkRest(page: Page, end: number): void {
  if (page.bytes.length - end > page.slackBytes) throw invalidPage(page, "takes more room than its content");
}
