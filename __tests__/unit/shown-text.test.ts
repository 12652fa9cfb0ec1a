import { expect, test } from "vitest";
import { escapeHidden, quote, renderLine } from "../../src/shown-text.ts";

test.each([
  ["plain: 12 MiB, 3 s", "plain: 12 MiB, 3 s"],
  ["  indented", "  indented"],
  ["::error::evil", ": :error::evil"],
  ["\t ::set-output name=a::b", "  : :set-output name=a::b"],
  ["a\n::error::evil", "a ::error::evil"],
  ["a\r\nb\rc\u2028d", "a b c d"],
  ["a ##[error]b", "a # #[error]b"],
  ["\u001b[31mred\u202e", String.raw`\u001b[31mred\u202e`],
  ["trailing \n", "trailing"],
])("%j is printed as %j", (text, line) => {
  expect(renderLine(text)).toBe(line);
});

test.each([
  ["a\nb", String.raw`"a\nb"`],
  ["\u009b31m\u202e", String.raw`"\u009b31m\u202e"`],
  ["x".repeat(253), `"${"x".repeat(253)}"`],
])("%j is quoted whole, on one line", (text, quoted) => {
  expect(quote(text)).toBe(quoted);
});

test("a value that is cut shows what the mask of the whole does not hide: a long one is told by its length alone", () => {
  expect(quote("s3cret".repeat(50))).toBe("a text of 300 characters");
});

test("JSON without hidden characters is the same JSON", () => {
  const json = JSON.stringify("\u009b\u202e\u{e0041}\u2028a");
  expect(escapeHidden(json)).toBe(String.raw`"\u009b\u202e\udb40\udc41\u2028a"`);
  expect(JSON.parse(escapeHidden(json))).toBe(JSON.parse(json));
});
