import { isMap, isScalar, isSeq, Lexer, Scalar, type Node } from "yaml";

/**
 * Where kubectl's reader and this one would see different objects in a text. kubectl cuts documents with apimachinery
 * (k8s.io/apimachinery/pkg/util/yaml/decoder.go), turns each into JSON by YAML 1.1 (sigs.k8s.io/yaml), and takes one with
 * `items` for a list (unstructured/helpers.go).
 */

/** A rendered cluster has 2,000 of them; a parser needs a second for 50,000, and minutes for a million. */
const tokensMax = 50_000;
const flowDepthMax = 100;

/** `problem` completes "the manifest …". */
export interface Oddity {
  readonly offset: number;
  readonly problem: string;
}

/** The first place of `text` that another reader takes in another way, before anything is parsed; undefined when there is none. */
export function findTextOddity(text: string): Oddity | undefined {
  // YAML 1.1 takes U+2028, U+2029 and a bare CR for line breaks, YAML 1.2 does not; kubectl refuses other control characters.
  // A byte order mark behind a separator is skipped there, and a part of the first key here.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const odd = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]|\r(?!\n)/.exec(text);
  if (odd) return { offset: odd.index, problem: "holds a control character" };
  const tab = /^\t/m.exec(text);
  if (tab) return { offset: tab.index, problem: "begins a line with a tab" };
  // kubectl passes over every blank of Unicode before a brace, and takes what follows for JSON.
  const blank = /^[ \t]*(?![ \t\r\n])\s/mu.exec(text);
  if (blank) return { offset: blank.index, problem: "begins a line with a blank that YAML does not know" };
  // kubectl ends a document at such a line whatever stands around it, and takes nothing behind the dashes but a comment.
  const separator = /^---(?![ \t]*\r?$|[ \t]+#).*$/m.exec(text);
  return separator === null
    ? undefined
    : { offset: separator.index, problem: "has a line that begins with --- and is not a separator" };
}

/** True where `text` is so dense that parsing it would take long. */
export function isTooDense(text: string): boolean {
  let tokens = 0;
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    if (token === "[" || token === "{") depth += 1;
    else if (token === "]" || token === "}") depth -= 1;
    if (tokens > tokensMax || depth > flowDepthMax) return true;
  }
  return false;
}

/** An oddity that another reader could understand in another way; undefined when there is none. */
export function findNodeOddity(node: Node, text: string): string | undefined {
  if (node.tag !== undefined) return "uses a tag";
  if (isScalar(node)) return findScalarOddity(node, text);
  if (!isMap(node)) return undefined;
  const keys = new Set<string>();
  for (const { key, value } of node.items) {
    // libyaml, and with it kubectl, takes `? key` without a value in fewer places.
    if (value === null && node.flow !== true) return "has a key without a value";
    // The value of `yes: a` stands under "true" there, that of `0x10: b` under "16".
    if (!isScalar(key) || typeof key.value !== "string" || !isText(key)) return "has a key that is not text";
    if (key.value === "<<") return "uses a merge key";
    if (key.value === "__proto__") return "has the key __proto__";
    if (keys.has(key.value)) return "has a key twice";
    keys.add(key.value);
  }
  return undefined;
}

/** The document as JSON, in which a scalar that kubectl does not read as text is not text either. */
export function toValue(node: unknown): unknown {
  if (isMap(node))
    return Object.fromEntries(
      node.items.map(({ key, value }) => [isScalar(key) ? String(key.value) : "", toValue(value)]),
    );
  if (isSeq(node)) return node.items.map(toValue);
  if (!isScalar(node) || typeof node.value !== "string") return null;
  if (isText(node)) return node.value;
  const text = node.value;
  if (/^(?:y|yes|true|on)$/i.test(text)) return true;
  if (/^(?:n|no|false|off)$/i.test(text)) return false;
  return Number(text.replaceAll("_", ""));
}

/** Source of the forms: resolve.go of YAML 1.1 in sigs.k8s.io/yaml/goyaml.v2; forms that only look like a number count, too. */
function isText({ type, value }: Scalar): boolean {
  if (typeof value !== "string") return false;
  if (type !== Scalar.PLAIN) return true;
  return !(
    /^(?:[yY]|yes|Yes|YES|true|True|TRUE|on|On|ON|[nN]|no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(value) ||
    /^[-+]?(?:0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][-+]?\d+)?|\.[\d_]+(?:[eE][-+]?\d+)?|\.(?:inf|Inf|INF|nan|NaN|NAN))$/.test(
      value,
    )
  );
}

function findScalarOddity({ type, range }: Scalar, text: string): string | undefined {
  const source = text.slice(range?.[0] ?? 0, range?.[1] ?? 0);
  // Marks that nobody sees, such as a blank of no width before a key.
  if (type === Scalar.PLAIN && /\p{Cf}/u.test(source)) return "holds an invisible character";
  if (type === Scalar.PLAIN && /^[-+]?\.(?:inf|nan)$/i.test(source)) return "has a number that JSON has not";
  // YAML 1.1 has no `\/`, and its readers take no half of a surrogate pair.
  if (type === Scalar.QUOTE_DOUBLE && /^(?:[^\\]|\\[^/u]|\\u(?![dD][89a-fA-F]))*\\(?:\/|u[dD][89a-fA-F])/.test(source))
    return "uses an escape that kubectl does not read";
  return undefined;
}
