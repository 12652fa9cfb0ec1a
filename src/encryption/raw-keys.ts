import { aesKeyBytes } from "../etcd/aescbc.ts";
import { isObjectName } from "../names.ts";
import { findAround, isFileName, numberLines, type LineProblem, type ReadLines } from "./key-lines.ts";

/** The active key, and the one before it in a rotation. */
const mostKeys = 2;

/**
 * The AES keys of a text, each as base64 between blanks or line breaks; none of an empty one. No problem has a word of its line.
 */
export function readRawKeys(text: string): ReadLines<Buffer> {
  if (/^\s*(?:\{|apiVersion:|kind: *Secret\b|data:)/.test(text))
    return { values: [], problems: [{ line: 1, problem: "begins an object: give the value of its key alone" }] };
  const problems: LineProblem[] = [];
  const values: Buffer[] = [];
  for (const { line, words } of numberLines(text)) {
    const problem = describeLine(words, values);
    if (problem !== undefined) problems.push({ line, problem });
  }
  return { values, problems };
}

/** Adds the keys of one line; returns what is wrong with it, undefined where nothing is. */
function describeLine(line: string, values: Buffer[]): string | undefined {
  for (const word of line.split(/\s+/)) {
    if (word === "") continue;
    const key = Buffer.from(word, "base64");
    // Buffer.from skips what is not base64; only the canonical text comes back as it was.
    if (key.toString("base64") !== word || !aesKeyBytes.includes(key.length)) return describeWrong(line, word, key);
    if (values.push(key) > mostKeys) return "is a third key: a cluster has at most two, the second in a rotation";
  }
  return undefined;
}

function describeWrong(line: string, word: string, key: Buffer): string {
  if (/^AGE-/i.test(word)) return "is an identity of age: give it as age-identity";
  if (/^age1/.test(word)) return "is a recipient of age, which opens nothing: give its identity as age-identity";
  const around = findAround(line);
  if (around !== undefined) return around;
  if (/^(?:[\da-f]{2})+$/i.test(word) && aesKeyBytes.includes(word.length / 2))
    return "is written in hexadecimal digits: give it in base64";
  const inner = Buffer.from(key.toString("latin1"), "base64");
  if (aesKeyBytes.includes(inner.length) && inner.toString("base64") === key.toString("latin1").trim())
    return "is base64 twice: decode it once (base64 -d)";
  if (aesKeyBytes.includes(key.length) && /^[\w+/-]+={0,2}$/.test(word))
    return "is not base64 as Kubernetes writes it: put back the = at its end, and + and / for - and _";
  if (isFileName(word)) return "is the path of a file: give what stands in it";
  if (word.includes("-") && isObjectName(word)) return "is a name: give the key that the Secret of this name holds";
  return key.toString("base64") === word
    ? `is base64 of ${String(key.length)} bytes: a key has 16, 24 or 32`
    : "is not base64";
}
