import { isAlias, isMap, parseDocument, visit, type Document, type SchemaOptions } from "yaml";
import { ActionError, type ErrorDetails } from "../errors.ts";
import { describeYamlProblem } from "../yaml-words.ts";
import { findNodeOddity, findTextOddity, isTooDense, toValue } from "./yaml-reading.ts";

/** Kubernetes itself takes no object above 1.5 MiB; a rendered cluster has 4 KiB. */
export const manifestMaxBytes = 1024 * 1024;
const documentsMax = 200;
/** Mappings and lists inside of each other, each with the pair before it; a rendered cluster has 6. */
const ancestorsMax = 200;

/** Scalars stay the text that they are: kubectl reads YAML 1.1, where 0644 is 420, and a number could lose digits. */
const asWritten: SchemaOptions = { schema: "failsafe", customTags: ["null"] };

/** One YAML document of a manifest. */
export interface ManifestDocument {
  /** The document as it stands in the file, from its `---` on. */
  readonly text: string;
  /** For edits of a clone; without aliases, tags and merge keys. */
  readonly document: Document;
  /** Its mapping as kubectl reads it, but that every number may be another one; undefined for an empty document. */
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
    throw invalid("is not in UTF-8", {
      hint: "store it in UTF-8; PowerShell writes UTF-16 with >",
      cause: error,
    });
  }
  const odd = findTextOddity(text);
  if (odd !== undefined) throw invalid(`${odd.problem} in line ${String(countLines(text.slice(0, odd.offset)) + 1)}`);
  if (isTooDense(text)) throw invalid("has more fields than a cluster needs, or nests too deeply");
  return text;
}

function parsePart(text: string, firstLine: number): ManifestDocument {
  // Without "error" a second document after `...` would be dropped without a word. A directive is an error here, since its
  // document begins with the `---` behind it.
  const document = parseDocument(text, { ...asWritten, prettyErrors: false, uniqueKeys: false, logLevel: "error" });
  const [problem] = [...document.errors, ...document.warnings];
  const refuse = (problem: string): ActionError =>
    text.includes("{{")
      ? invalid(problem, { hint: "it holds {{ … }} of a template: render that first, as helm template does" })
      : invalid(problem);
  const lineOf = (offset: number): string => String(firstLine + countLines(text.slice(0, offset)));
  if (problem) throw refuse(describeYamlProblem(problem.code, firstLine + countLines(text.slice(0, problem.pos[0]))));
  visit(document, {
    Node: (_, node, ancestors) => {
      const oddity =
        ancestors.length > ancestorsMax
          ? "nests too deeply"
          : isAlias(node)
            ? "uses an alias"
            : findNodeOddity(node, text);
      if (oddity !== undefined) throw refuse(`${oddity} in line ${lineOf(node.range?.[0] ?? 0)}`);
    },
  });
  // kubectl fails where an end marker has nothing before it.
  if (!isMap(document.contents) && document.toJS() === null && /^\.\.\.(?![^ \t\r\n])/m.test(text))
    throw invalid(`ends a document that has nothing in line ${String(firstLine)}`);
  if (document.contents !== null && !isMap(document.contents) && document.toJS() !== null)
    throw invalid(`has a document without fields in line ${String(firstLine)}`);
  return { text, document, value: isMap(document.contents) ? toValue(document.contents) : undefined };
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}

function invalid(problem: string, details: ErrorDetails = {}): ActionError {
  const hint = "give the output of hypershift create cluster --render as it is";
  return new ActionError("manifest-invalid", `the manifest ${problem}`, { hint, ...details });
}
