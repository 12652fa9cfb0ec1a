import { isAlias, isMap, isScalar, parseDocument, visit, type Document, type Node, type SchemaOptions } from "yaml";
import { ActionError } from "../errors.ts";

/** Kubernetes itself takes no object above 1.5 MiB; a rendered cluster has 4 KiB. */
export const manifestMaxBytes = 1024 * 1024;
const documentsMax = 200;
/** Mappings and lists inside of each other, each with the pair before it; a rendered cluster has 6. */
const ancestorsMax = 200;

/** Scalars stay the text that they are: kubectl reads YAML 1.1, where 0644 is 420, and a number could lose digits. */
const asWritten: SchemaOptions = { schema: "failsafe", customTags: ["null"] };

/** One YAML document of a manifest. */
export interface ManifestDocument {
  /** As it stands in the file, from its `---` on. */
  readonly text: string;
  /** For edits of a clone; without aliases, tags and merge keys. */
  readonly document: Document;
  /** Its mapping, every scalar as text; undefined for an empty document. */
  readonly value: unknown;
}

/**
 * The documents of a file, whose texts together are the file. Throws `manifest-invalid`, with line and reason, for what is not
 * plain YAML: other readers could see another cluster in it.
 */
export function parseManifest(content: Buffer): readonly ManifestDocument[] {
  if (content.length > manifestMaxBytes) throw invalid("has more than 1 MiB");
  const text = decode(content);
  // Such a line begins a document wherever it stands, in a scalar too (YAML 1.2.2, 9.1.2 and rule c-forbidden).
  const texts = text.split(/(?<![^\n])(?=---(?![^ \t\r\n]))/);
  if (texts.length > documentsMax) throw invalid(`has ${String(texts.length)} documents, more than ${documentsMax}`);
  let line = 1;
  return texts.map((part) => {
    const parsed = parsePart(part, line);
    line += countLines(part);
    return parsed;
  });
}

function decode(content: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (error) {
    throw invalid("is not in UTF-8", error);
  }
  // YAML 1.1 takes the last three and a bare CR for line breaks, YAML 1.2 does not.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const odd = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0085\u2028\u2029]|\r(?!\n)/.exec(text);
  if (odd) throw invalid(`holds a control character in line ${String(countLines(text.slice(0, odd.index)) + 1)}`);
  return text;
}

function parsePart(text: string, firstLine: number): ManifestDocument {
  // Without "error" a second document after `...` would be dropped without a word. A directive is an error here, since its
  // document begins with the `---` behind it.
  const document = parseDocument(text, { ...asWritten, prettyErrors: false, uniqueKeys: false, logLevel: "error" });
  const [problem] = [...document.errors, ...document.warnings];
  const lineOf = (offset: number): string => String(firstLine + countLines(text.slice(0, offset)));
  if (problem) throw invalid(`is not plain YAML (${problem.code} in line ${lineOf(problem.pos[0])})`);
  visit(document, {
    Node: (_, node, ancestors) => {
      const oddity = ancestors.length > ancestorsMax ? "nests too deeply" : findOddity(node);
      if (oddity !== undefined) throw invalid(`${oddity} in line ${lineOf(node.range?.[0] ?? 0)}`);
    },
  });
  if (document.contents !== null && !isMap(document.contents) && document.toJS() !== null)
    throw invalid(`has a document without fields in line ${String(firstLine)}`);
  return { text, document, value: isMap(document.contents) ? document.toJS() : undefined };
}

/** What another reader could understand in another way. */
function findOddity(node: Node): string | undefined {
  if (isAlias(node)) return "uses an alias";
  if (node.tag !== undefined) return "uses a tag";
  if (!isMap(node)) return undefined;
  const keys = new Set<string>();
  for (const { key } of node.items) {
    if (!isScalar(key) || typeof key.value !== "string") return "has a key that is no text";
    if (key.value === "<<") return "uses a merge key";
    if (key.value === "__proto__") return "has the key __proto__";
    if (keys.has(key.value)) return "has a key twice";
    keys.add(key.value);
  }
  return undefined;
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}

function invalid(problem: string, cause?: unknown): ActionError {
  return new ActionError("manifest-invalid", `the manifest ${problem}`, {
    hint: "give the output of hypershift create cluster --render as it is",
    cause,
  });
}
