import { gunzipSync } from "node:zlib";
import { listAt, stringAt, textsAt } from "../json-path.ts";
import { decodeBase64, kubeconfigMaxCharacters, parseDocuments } from "./text.ts";

/** How a kubeconfig came to be something else on its way into the input. */
export interface Wrapping {
  /** Completes "the input kubeconfig …". */
  readonly problem: string;
  readonly hint: string;
  /** The texts inside, for those who look for secrets; empty where nothing can be unwrapped. */
  readonly inner: readonly string[];
}

/** Keys above a kubeconfig, more than any tool puts there. */
const deepestKey = 4;

/** Undefined for a kubeconfig, and for what nobody knows. Never throws, and never shows a word of `given`. */
export function findWrapping(given: string): Wrapping | undefined {
  const text = given.replace(/^\uFEFF/, "").trim();
  return findTextWrapping(text) ?? findBytesWrapping(text) ?? findYamlWrapping(text);
}

function findTextWrapping(text: string): Wrapping | undefined {
  if (text.startsWith("${{"))
    return wrapping("is an expression that was not evaluated", "write it in with: of the step, outside of quotes");
  if (/^\*{3,}$/.test(text))
    return wrapping("is a mask, copied from a log", "store the kubeconfig itself; a log never shows it");
  const dataUrl = /^data:[^,]{0,100};base64,(.*)$/s.exec(text)?.[1];
  if (dataUrl !== undefined)
    return wrapping("is a data: URL", "store what stands behind the comma, which is base64 of the kubeconfig", [
      dataUrl,
    ]);
  const fenced = /^```[^\n]*\n(.*)\n```$/s.exec(text)?.[1];
  if (fenced !== undefined)
    return wrapping("stands between lines of ```", "store it without the first and the last line", [fenced]);
  const [, variable = "", assigned = ""] = /^(?:export\s{1,9})?(\w{1,99})\s{0,9}=(.*)$/s.exec(text) ?? [];
  if (/KUBECONFIG/i.test(variable))
    return wrapping("is an assignment to a variable", "store the content of the file that it names", [assigned.trim()]);
  if (isPath(text))
    return wrapping("is the path of a file", "store what is in the file: the action reads no file of the runner");
  if (/^<(?:!doctype|html|\?xml)/i.test(text))
    return wrapping("is a web page", "store the file itself, not what a login or a proxy answered");
  const block = /^-----BEGIN ([A-Z0-9 ]{1,60})-----/.exec(text)?.[1];
  if (block !== undefined)
    return /ENCRYPTED|MESSAGE/.test(block)
      ? wrapping("is an encrypted file", "decrypt it first, and store what comes out as a secret of GitHub")
      : wrapping("is a file in PEM", "store the whole kubeconfig, which holds it as base64");
  return findEscapes(text) ?? findBrokenLines(text);
}

/** A kubeconfig whose lines somebody, or a program, changed. */
function findBrokenLines(text: string): Wrapping | undefined {
  const hint = "store the file itself, best as base64: base64 -w0 <file>";
  const before = /^(?!#|---|[\w-]+:|[{["'])[^\n]*\n((?:.*\n)??(?:apiVersion: *v1|kind: *Config) *\r?\n.*)$/s.exec(
    text,
  )?.[1];
  if (before !== undefined)
    return wrapping("has other lines before it", "store the kubeconfig alone, without what a program printed", [
      before,
    ]);
  if (/^\t+[\w-]+:/m.test(text)) return wrapping("is indented with tabs", hint, [text.replaceAll("\t", "  ")]);
  if (/^[ \t]*[\u00a0\u2000-\u200b\u3000]+[\w-]+:/m.test(text))
    return wrapping("is indented with blanks that YAML does not know, as a web page has them", hint, [
      text.replaceAll(/[\u00a0\u2000-\u200b\u3000]/g, " "),
    ]);
  return undefined;
}

/** Base64, too, may begin with a slash. */
function isPath(text: string): boolean {
  const looksLikeOne = /^(?:~|\.{1,2})?\/[^\n]*$|^[A-Za-z]:\\[^\n]*$|^[^\s{}"']*(?:\.ya?ml|\.conf|kubeconfig)$/.test(
    text,
  );
  return looksLikeOne && decodeBase64(text) === undefined;
}

function findEscapes(text: string): Wrapping | undefined {
  if (/^"(?:[^"\\]|\\.)*"$/s.test(text))
    return wrapping("is a text in quotes", "store it without the quotes, with real line breaks", [unquote(text)]);
  if (/^'(?:[^']|'')*'$/s.test(text))
    return wrapping("is a text in quotes", "store it without the quotes", [text.slice(1, -1).replaceAll("''", "'")]);
  // JSON may hold \n in its texts; a kubeconfig on one line is JSON.
  if (!/^[{[]|\n/.test(text) && /\\n\s*[\w-]+:/.test(text))
    return wrapping(
      "has \\n in place of its line breaks",
      "store it with real line breaks, or as base64: base64 -w0 <file>",
      [text.replaceAll("\\r", "").replaceAll("\\n", "\n")],
    );
  if (/^[^\s:]*%0A[^\s]*$/i.test(text))
    return wrapping("is encoded for a URL", "store it as it is, or as base64: base64 -w0 <file>", [decodeUrl(text)]);
  return undefined;
}

function findBytesWrapping(text: string): Wrapping | undefined {
  const bytes = decodeBase64(text);
  const digits = /^(?:base64[:,]\s*)?([\w+/=\s-]{40,})[%$#;,.]?$/.exec(text)?.[1] ?? "";
  const within = bytes === undefined ? decodeBase64(digits.trim()) : undefined;
  if (within !== undefined)
    return wrapping(
      "is base64 with other characters around it",
      "store the base64 alone: a shell may print a % or its prompt behind the last character",
      [within.toString("utf8")],
    );
  if (bytes === undefined)
    return /^[^\s{}:]{8,}$/.test(text)
      ? wrapping("is one word, such as a token alone", "store the whole kubeconfig, with server and authority")
      : undefined;
  const hint = "store base64 of the file itself: base64 -w0 <file>";
  if (/^(?:[\da-f]{2}\s*){40,}$/i.test(text))
    return wrapping("is written in hexadecimal digits", hint, [
      Buffer.from(text.replaceAll(/\s/g, ""), "hex").toString("utf8"),
    ]);
  if (bytes.subarray(0, 4).toString("latin1") === "PK\x03\x04") return wrapping("decodes to a compressed file", hint);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return wrapping("decodes to a compressed file", hint, [inflate(bytes)]);
  if (bytes.includes(0) && /^[\t\r\n\x20-\x7e\uFEFF]+$/.test(bytes.toString("utf16le")))
    return wrapping("decodes to text in UTF-16", "store it in UTF-8; PowerShell writes UTF-16 with >", [
      bytes.toString("utf16le"),
    ]);
  const decoded = bytes.toString("utf8");
  if (decodeBase64(decoded) !== undefined)
    return wrapping(
      "decodes to base64 again",
      "encode it once: a Secret of Kubernetes, too, shows its values encoded",
      [decoded],
    );
  const inside = findTextWrapping(decoded.trim()) ?? findYamlWrapping(decoded);
  return inside && { ...inside, problem: `is base64, and what it decodes to ${inside.problem}`, inner: [decoded] };
}

function findYamlWrapping(text: string): Wrapping | undefined {
  const value = parseFirst(text);
  const kind = stringAt(value, "kind");
  const secretOrMap = [value, ...listAt(value, "items")].flatMap((object) => [
    ...Object.values(textsAt(object, "data")),
    ...Object.values(textsAt(object, "stringData")),
  ]);
  if (kind === "Secret" || kind === "ConfigMap")
    return wrapping(
      `is a ${kind}, not a kubeconfig`,
      kind === "Secret"
        ? "store the value of its key alone: kubectl get secret <name> -o jsonpath={.data.<key>}"
        : "store the value of its key alone: kubectl get configmap <name> -o jsonpath={.data.<key>}",
      secretOrMap,
    );
  if (kind !== undefined && kind !== "Config")
    return wrapping(
      `is ${/^[A-Za-z]{1,60}$/.test(kind) ? `${/^[AEIOU]/i.test(kind) ? "an" : "a"} ${kind}` : "an object of another kind"}, not a kubeconfig`,
      "store a file of kind: Config, as kubectl config view --minify --flatten --raw prints it",
      secretOrMap,
    );
  const inItem = listAt({ list: value }, "list").filter((item) => isKubeconfig(item) || typeof item === "string");
  if (inItem.length > 0)
    return wrapping("is an item of a list", "store it without the - before it", inItem.map(renderInner));
  if (kind === "Config" && !isKubeconfig(value))
    return wrapping(
      "is empty: it has no clusters, no contexts and no users",
      "kubectl prints such a one where it finds no file: look at KUBECONFIG, and at ~/.kube/config",
    );
  const below = isKubeconfig(value) ? undefined : findBelow(value, deepestKey);
  if (below !== undefined)
    return wrapping("stands below a key of its own", "store what stands below the key alone", [below]);
  return undefined;
}

/** The first kubeconfig below the keys of a mapping, as text: an answer of a vault has it three keys deep. */
function findBelow(value: unknown, depth: number): string | undefined {
  if (depth === 0 || typeof value !== "object" || value === null) return undefined;
  for (const below of Object.values(value) as readonly unknown[]) {
    if (isKubeconfig(below) || (typeof below === "string" && isKubeconfig(parseFirst(below))))
      return renderInner(below);
    const found = findBelow(below, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** True for a mapping that has what only a kubeconfig has. */
export function isKubeconfig(value: unknown): boolean {
  return ["clusters", "contexts", "users"].some((list) => listAt(value, list).length > 0);
}

function parseFirst(text: string): unknown {
  if (text.length > kubeconfigMaxCharacters) return undefined;
  try {
    return parseDocuments(text)[0]?.toJS({ maxAliasCount: 0 });
  } catch {
    return undefined;
  }
}

function renderInner(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function unquote(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return String(value);
  } catch {
    return text.slice(1, -1).replaceAll("\\n", "\n").replaceAll('\\"', '"');
  }
}

function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function inflate(bytes: Buffer): string {
  try {
    return gunzipSync(bytes, { maxOutputLength: kubeconfigMaxCharacters }).toString("utf8");
  } catch {
    return "";
  }
}

function wrapping(problem: string, hint: string, inner: readonly string[] = []): Wrapping {
  return { problem, hint, inner: inner.filter((text) => text !== "") };
}
