import { expect, test } from "vitest";
import { readUpTo } from "../../src/bytes.ts";

async function* endless(): AsyncGenerator<Uint8Array, void, undefined> {
  for (;;) yield await Promise.resolve(Buffer.alloc(1000));
}

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array, void, undefined> {
  for (const text of texts) yield await Promise.resolve(Buffer.from(text));
}

test("a sender that does not end is left after the first bytes that are too many", async () => {
  expect(await readUpTo(endless(), 2500)).toHaveLength(3000);
});

test.each([0, 3, 100])("what has %d bytes or less comes whole, in its order", async (maxBytes) => {
  const all = maxBytes === 0 ? [] : ["a", "", "bc"];
  expect((await readUpTo(chunks(...all), maxBytes)).toString()).toBe(all.join(""));
});
