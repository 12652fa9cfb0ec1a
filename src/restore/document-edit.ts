import { isDeepStrictEqual } from "node:util";
import { isMap, isNode, isScalar, isSeq, type Pair, type Scalar, type YAMLMap } from "yaml";
import { hasCode } from "../errors.ts";
import { parseManifest, type ManifestDocument } from "./manifest.ts";
import { unsuitable } from "./target-cluster.ts";

/** A text, or a list of one, that a field gets; undefined takes the field away. */
export interface Edit {
  readonly path: readonly string[];
  readonly value: string | readonly [string] | undefined;
}

type Value = NonNullable<Edit["value"]>;
type Field = Pair;

/**
 * The document's text after `edits`, one after the other. Whatever they do not name stays as it is, byte by byte: comments,
 * quotes, order, layout and line breaks. Throws `manifest-unsuitable` for a layout that cannot be edited so.
 */
export function editDocument(source: ManifestDocument, edits: readonly Edit[]): string {
  const expected = edits.reduce<unknown>(
    (fields, { path, value }) => (value === undefined ? without(fields, path) : withValue(fields, path, value)),
    source.document.toJS(),
  );
  const text = edits.reduce(applyEdit, source.text);
  if (isDeepStrictEqual(parseOne(text)?.document.toJS(), expected)) return text;
  throw uneditable(edits.map(({ path }) => path.join(".")).join(", "));
}

/** Undefined for what an edit must not make of a document: several, or none that can be read. */
function parseOne(text: string): ManifestDocument | undefined {
  try {
    const [document, ...more] = parseManifest(Buffer.from(text));
    return more.length > 0 ? undefined : document;
  } catch (error) {
    if (hasCode(error, "manifest-invalid")) return undefined;
    throw error;
  }
}

/** The line break of a text: of its first line. */
export function findLineBreak(text: string): "\n" | "\r\n" {
  return /^[^\n]*\r\n/.test(text) ? "\r\n" : "\n";
}

function applyEdit(text: string, { path, value }: Edit): string {
  const root = parseOne(text)?.document.contents;
  if (!isMap(root)) throw uneditable(path.join("."));
  return value === undefined ? removeField(text, root, path) : putValue(text, root, path, value);
}

function putValue(text: string, root: YAMLMap, path: readonly string[], value: Value) {
  let map = root;
  let parent: Field | undefined;
  for (const [depth, name] of path.entries()) {
    const rest = path.slice(depth + 1);
    const field = findField(map, name);
    if (field === undefined) return insertField(text, { map, parent }, path.slice(depth), value);
    const node = field.value;
    if (isNull(node)) return fillNull(text, field, renderInline(rest, value));
    if (rest.length === 0) return replaceValue(text, node, path, value);
    if (!isMap(node)) throw uneditable(path.slice(0, depth + 1).join("."));
    map = node;
    parent = field;
  }
  return text;
}

/** A block gets the field as its first, right below the line of its own name: a comment above another field stays there. */
function insertField(
  text: string,
  { map, parent }: { readonly map: YAMLMap; readonly parent: Field | undefined },
  path: readonly string[],
  value: Value,
): string {
  const [name = "", ...rest] = path;
  const [first] = map.items;
  if (map.flow === true || first === undefined) {
    const start = startOf(map) + 1;
    const field = `${JSON.stringify(name)}: ${renderInline(rest, value)}${first === undefined ? "" : ", "}`;
    return splice(text, start, start, field);
  }
  const firstLine = text.lastIndexOf("\n", startOf(first.key) - 1) + 1;
  const offset = parent === undefined ? firstLine : text.indexOf("\n", endOf(parent.key)) + 1;
  return splice(text, offset, offset, renderBlock(path, value, text, startOf(first.key) - firstLine));
}

function renderBlock(path: readonly string[], value: Value, text: string, indent: number): string {
  const lines = path.map((name, depth) => `${" ".repeat(indent + 2 * depth)}${name}:`);
  const last = lines.pop() ?? "";
  const item = typeof value === "string" ? undefined : `${/^ */.exec(last)?.[0] ?? ""}- ${JSON.stringify(value[0])}`;
  lines.push(...(item === undefined ? [`${last} ${JSON.stringify(value)}`] : [last, item]));
  const end = findLineBreak(text);
  return lines.map((line) => line + end).join("");
}

/** In the form of JSON, which is a value of YAML wherever it stands. */
function renderInline(path: readonly string[], value: Value): string {
  return path.reduceRight((inner, name) => `{${JSON.stringify(name)}: ${inner}}`, JSON.stringify(value));
}

/** A value that is there as `null` or `~` is replaced; one that is not gets its place behind the colon. */
function fillNull(text: string, { key, value }: Field, inline: string): string {
  if (endOf(value) > startOf(value)) return splice(text, startOf(value), endOf(value), inline);
  const colon = text.indexOf(":", endOf(key)) + 1;
  return splice(text, colon, colon, ` ${inline}`);
}

function replaceValue(text: string, found: unknown, path: readonly string[], value: Value): string {
  const [only, ...others] = isSeq(found) ? found.items : [];
  if (typeof value !== "string" && isScalar(only) && others.length === 0)
    return replaceScalar(text, only, JSON.stringify(value[0]), value[0]);
  if (isScalar(found)) return replaceScalar(text, found, JSON.stringify(value), value);
  if (typeof value === "string" || !isSeq(found) || only !== undefined) throw uneditable(path.join("."));
  return splice(text, startOf(found), endOf(found), JSON.stringify(value));
}

function replaceScalar(text: string, found: Scalar, inline: string, value: Value): string {
  if (found.value === value) return text;
  const [start, end] = [startOf(found), endOf(found)];
  // A block scalar ends behind its last line break.
  return splice(text, start, end, inline + (text[end - 1] === "\n" ? findLineBreak(text) : ""));
}

/** Takes a field away, and the mapping around it where it was the only one. */
function removeField(text: string, root: YAMLMap, path: readonly string[]): string {
  const [name = "", ...rest] = path;
  const index = root.items.findIndex((field) => nameOf(field) === name);
  const field = root.items[index];
  if (field === undefined) return text;
  const below = field.value;
  if (rest.length > 0) {
    if (!isMap(below)) throw uneditable(path.join("."));
    const isOnlyOne = below.items.length === 1 && findField(below, rest[0] ?? "") !== undefined;
    if (!isOnlyOne) return removeField(text, below, rest);
  }
  const start = startOf(field.key);
  const end = Math.max(endOf(field.key), endOf(below));
  if (root.flow !== true) {
    const next = text.indexOf("\n", end - 1) + 1;
    return splice(text, text.lastIndexOf("\n", start - 1) + 1, next === 0 ? text.length : next, "");
  }
  const [before, after] = [root.items[index - 1], root.items[index + 1]];
  if (after !== undefined) return splice(text, start, startOf(after.key), "");
  return splice(text, before === undefined ? start : endOf(before.value ?? before.key), end, "");
}

function findField(map: YAMLMap, name: string): Field | undefined {
  return map.items.find((field) => nameOf(field) === name);
}

function nameOf({ key }: Field): unknown {
  return isScalar(key) ? key.value : undefined;
}

function isNull(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** Offset of the first character of a node; a parsed one has always a range. */
function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** Offset behind a node, without the blanks and the comment after it. */
function endOf(node: unknown): number {
  return isNode(node) ? (node.range?.[1] ?? 0) : 0;
}

function splice(text: string, start: number, end: number, put: string): string {
  return text.slice(0, start) + put + text.slice(end);
}

function withValue(fields: unknown, [name = "", ...rest]: readonly string[], value: Value): unknown {
  const known = isFields(fields) ? fields : {};
  return { ...known, [name]: rest.length === 0 ? value : withValue(known[name], rest, value) };
}

function without(fields: unknown, [name = "", ...rest]: readonly string[]): unknown {
  if (!isFields(fields) || !(name in fields)) return fields;
  const below = fields[name];
  const isOnlyOne = isFields(below) && Object.keys(below).length === 1 && (rest[0] ?? "") in below;
  if (rest.length > 0 && !isOnlyOne) return { ...fields, [name]: without(below, rest) };
  return Object.fromEntries(Object.entries(fields).filter(([other]) => other !== name));
}

function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function uneditable(fields: string) {
  return unsuitable(
    `is laid out in a way that cannot be edited (${fields})`,
    "write the field in the form that hypershift create cluster --render prints",
  );
}
