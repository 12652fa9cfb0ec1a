import type { ActionError, ErrorCode } from "../../errors.ts";
import type { ObjectRef } from "../../ports.ts";
import type { FindDocs } from "./summary.ts";
import { renderBytes } from "../../bytes.ts";

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

/** The most lines that are shown of one text. */
const cellMaxLines = 100;

/** `lines` as HTML, below each other. */
export function renderLines(lines: readonly string[]): string {
  return fit(lines)
    .map((line) => escapeHtml(line.trim()))
    .join("<br>");
}

/** The lines of a text of the action's own as HTML; indented ones are commands, in a block that can be copied as it is. */
export function renderCommands(text: string): string {
  const blocks: { readonly commands: boolean; readonly lines: string[] }[] = [];
  for (const line of fit(text.split("\n"))) {
    const commands = line.startsWith("  ");
    const last = blocks.at(-1);
    if (last?.commands === commands) last.lines.push(line);
    else blocks.push({ commands, lines: [line] });
  }
  return blocks
    .map(({ commands, lines }) =>
      commands ? `<pre>${lines.map((line) => escapeHtml(line.trim())).join("\n")}</pre>` : renderLines(lines),
    )
    .join("");
}

/** The lines with something in them, since an empty one would end GitHub's block of HTML, as many as are shown. */
function fit(lines: readonly string[]): readonly string[] {
  const full = lines.filter((line) => line.trim() !== "");
  const more = full.length - cellMaxLines;
  return more > 0 ? [...full.slice(0, cellMaxLines), `… and ${String(more)} more lines`] : full;
}

/** Of API servers that were put back, and of which nothing is known since. */
export const othersText =
  "put back, and not waited for: the hosted cluster was deleted since, or another run holds it and brings them back itself";

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

/** A code of docs/errors.md, as a link to its section there. */
export function renderCode(code: ErrorCode, findDocs: FindDocs): string {
  const docs = findDocs("docs/errors.md");
  const text = `<code>${escapeHtml(code)}</code>`;
  return docs === undefined ? text : `<a href="${docs}#${code}">${text}</a>`;
}

/** Code, message and hint of a failure; the code links to what docs/errors.md says of it. */
export function failureRows({ code, message, hint }: ActionError, findDocs: FindDocs): readonly Row[] {
  return [
    ["Result", renderCode(code, findDocs)],
    ["What happened", renderLines(message.split("\n"))],
    ...(hint === undefined ? [] : [["What to do", renderCommands(hint)] as const]),
  ];
}

/** The hosted cluster as `<namespace>/<name>`; no row where no input named it. */
export function hostedClusterRow(ref: ObjectRef | undefined): readonly Row[] {
  return codeRow("Hosted cluster", ref && `${ref.namespace}/${ref.name}`);
}

/** The facts of a snapshot that stand in every summary. */
interface SnapshotFacts {
  readonly snapshotUri?: string | undefined;
  readonly createdAt?: string | undefined;
  readonly sizeBytes?: number;
  readonly revision?: number;
  readonly etcdVersion?: string;
  readonly sha256?: string;
  readonly recordUri?: string;
}

/** Address of a snapshot, and below it when it was made, size, revision and etcd's version, as far as they are known; no row without a snapshot. */
export function snapshotRow(facts: SnapshotFacts): readonly Row[] {
  const { snapshotUri, createdAt, sizeBytes, revision, etcdVersion } = facts;
  if (snapshotUri === undefined && createdAt === undefined) return [];
  const known = [
    ...(createdAt === undefined ? [] : [`made at <code>${escapeHtml(createdAt)}</code>`]),
    ...(sizeBytes === undefined ? [] : [renderBytes(sizeBytes)]),
    ...(revision === undefined ? [] : [`revision ${String(revision)}`]),
    ...(etcdVersion === undefined ? [] : [`etcd ${escapeHtml(etcdVersion)}`]),
  ].join(", ");
  const lines = [...(snapshotUri === undefined ? [] : [`<code>${escapeHtml(snapshotUri)}</code>`]), known];
  return [["Snapshot", lines.filter((line) => line !== "").join("<br>")]];
}

/** The facts of a snapshot for a second look. */
export function detailRows({ sizeBytes, sha256, recordUri }: SnapshotFacts): readonly Row[] {
  return [
    ...(sizeBytes === undefined ? [] : [["Size", renderSize(sizeBytes)] as const]),
    ...codeRow("SHA-256", sha256),
    ...codeRow("Record", recordUri),
  ];
}
