import { Decrypter } from "age-encryption";
import { findAround, isFileName, numberLines, type LineProblem, type ReadLines } from "./key-lines.ts";

/**
 * The age identities of a text, one a line; comments and empty lines, as age-keygen and editors leave them, are passed over.
 * No problem has a word of its line.
 */
export function readIdentities(text: string): ReadLines {
  if (isBase64OfIdentity(text))
    return { values: [], problems: [{ line: 1, problem: "begins base64 of an identity: decode it once (base64 -d)" }] };
  const problems: LineProblem[] = [];
  const values: string[] = [];
  for (const { line, words } of numberLines(text)) {
    if (words === "" || (words.startsWith("#") && !/\\n/.test(words))) continue;
    const problem = describeWrongIdentity(words);
    if (problem === undefined) values.push(words);
    else problems.push({ line, problem });
  }
  if (values.length === 0 && problems.length === 0)
    problems.push({ line: 1, problem: "is a comment, and so is every other: there is no identity" });
  return { values, problems };
}

/** Undefined for an identity that the package takes. Errors of the package hold the text, and go nowhere. */
function describeWrongIdentity(line: string): string | undefined {
  if (/^AGE-PLUGIN-/i.test(line)) return "is an identity of a plugin, which cannot run here: open the file with age";
  if (/^age1/i.test(line)) return "is a recipient, which only seals: give the AGE-SECRET-KEY-… that belongs to it";
  if (/^(?:age-encryption\.org\/|-----BEGIN AGE )/.test(line))
    return "begins an identity that is encrypted itself: open it with age -d, and store the result";
  if (/^-----|^(?:sk-)?(?:ssh|ecdsa)-/.test(line)) return "is of an SSH key: give an identity of age-keygen";
  const around = findAround(line);
  if (around !== undefined) return around;
  if (/^age-secret-key-/.test(line)) return "is in small letters: age writes an identity in capitals";
  if (isFileName(line)) return "is the path of a file: give what stands in it";
  if (/[\s,;]AGE-SECRET-KEY-/.test(line)) return "has several identities: give each a line of its own";
  if (!line.startsWith("AGE-SECRET-KEY-")) return "is not an identity of age: that begins with AGE-SECRET-KEY-";
  try {
    new Decrypter().addIdentity(line);
    return undefined;
  } catch {
    return "is no whole identity: some of it is missing, or was changed";
  }
}

/** A secret that was encoded once more on its way. */
function isBase64OfIdentity(text: string): boolean {
  return (
    !text.includes("AGE-SECRET-KEY-") && Buffer.from(text, "base64").toString("latin1").includes("AGE-SECRET-KEY-")
  );
}
