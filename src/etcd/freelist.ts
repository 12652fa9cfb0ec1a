import { safeUint64 } from "./integers.ts";
import type { PageMap } from "./page-map.ts";
import { invalidPage, pageHeaderBytes, type Page } from "./page.ts";

const idBytes = 8;
/** A list of so many or more has its length in front of it, since the head's count has 16 bits. */
const countInFront = 0xffff;

/**
 * Enters the free pages that `page` lists into `map`. Source: internal/freelist/shared.go in bbolt, which writes them in
 * ascending order. Throws `snapshot-invalid`.
 */
export function markFreePages(page: Page, map: PageMap): void {
  let start = pageHeaderBytes;
  let { count } = page;
  if (count === countInFront) {
    count = safeUint64(page.bytes, start);
    start += idBytes;
    if (count < countInFront) throw invalidPage(page, "counts its pages in the wrong way");
  }
  if (start + count * idBytes > page.bytes.length) throw invalidPage(page, "has more entries than fit");
  let before = 1;
  for (let index = 0; index < count; index += 1) {
    const free = safeUint64(page.bytes, start + index * idBytes);
    if (free <= before) throw invalidPage(page, "is not in order");
    map.free(free);
    before = free;
  }
}
