import type { ActionError } from "../errors.ts";
import { renderBytes } from "../snapshot/byte-size.ts";

/** Label and value of a row, both HTML. */
export type Row = readonly [label: string, value: string];

/** The most that is shown of one text: a summary over 1 MiB is not shown at all. */
const cellMaxCharacters = 2_000;

const entities: ReadonlyMap<string, string> = new Map([
  ["&", "&amp;"],
  ["<", "&lt;"],
  [">", "&gt;"],
  ['"', "&quot;"],
  ["'", "&#39;"],
]);

/** `text` as HTML on one line, cut at 2000 characters. */
export function escapeHtml(text: string): string {
  const cut = text.length > cellMaxCharacters ? `${text.slice(0, cellMaxCharacters)}…` : text;
  return cut
    .replaceAll(/[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/[&<>"']/g, (character) => entities.get(character) ?? "");
}

/** `text` as HTML, its lines below each other. */
export function renderLines(text: string): string {
  return text.split("\n").map(escapeHtml).join("<br>");
}

/** No row for an absent value. In `<code>`, GitHub turns nothing inside into a mention, a link or an emoji. */
export function codeRow(label: string, value: string | undefined): readonly Row[] {
  return value === undefined ? [] : [[label, `<code>${escapeHtml(value)}</code>`]];
}

/** `64.0 MiB (67108864 bytes)`. */
export function renderSize(sizeBytes: number): string {
  const short = renderBytes(sizeBytes);
  const exact = `${sizeBytes} bytes`;
  return short === exact ? exact : `${short} (${exact})`;
}

/** Code, message and hint of a failure. */
export function failureRows(failure: ActionError): readonly Row[] {
  return [
    ...codeRow("Result", failure.code),
    ["What happened", renderLines(failure.message)],
    ...(failure.hint === undefined ? [] : [["What to do", renderLines(failure.hint)] as const]),
  ];
}
