import { Encrypter } from "age-encryption";
import { findAround, isFileName, numberLines, splitLines, type LineProblem, type ReadLines } from "./key-lines.ts";

/** A header has one stanza for each; a record and a sealed file stay small. */
export const mostRecipients = 32;

const isIdentity = /AGE-SECRET-KEY-|AGE-PLUGIN-/i;
const isPrivateKey = /PRIVATE KEY/;
const isSshKey = /^(?:sk-)?(?:ssh|ecdsa)-/;
const isComment = /^#/;

/**
 * The age recipients of a text, one a line, each once; lines that begin with # are comments. A line that is empty is a problem: a
 * variable that does not exist arrives so, and its owner could open nothing. Plugins, SSH keys and passphrases are none of them.
 */
export function readRecipients(text: string): ReadLines {
  const problems: LineProblem[] = [];
  const found: { readonly line: number; readonly recipient: string }[] = [];
  for (const { line, words } of numberLines(text)) {
    if (isComment.test(words)) continue;
    const problem = describeWrongRecipient(words);
    if (problem === undefined) found.push({ line, recipient: words });
    else problems.push({ line, problem });
  }
  const [first] = found;
  const mixed = found.find(({ recipient }) => isPostQuantum(recipient) !== isPostQuantum(first?.recipient ?? ""));
  if (first !== undefined && mixed !== undefined) {
    const [safe, other] = isPostQuantum(first.recipient) ? [first, mixed] : [mixed, first];
    const problem = `is post-quantum, and line ${String(other.line)} is not: age refuses to mix them, since the weaker one decides`;
    problems.push({ line: safe.line, problem });
  }
  const values = [...new Set(found.map(({ recipient }) => recipient))];
  if (values.length > mostRecipients)
    problems.push({
      line: splitLines(text).length,
      problem: `ends a list of ${String(values.length)} recipients; at most ${String(mostRecipients)} are taken`,
    });
  if (found.length === 0 && problems.length === 0)
    problems.push({ line: 1, problem: "is a comment, and so is every other: there is no recipient" });
  return { values, problems };
}

/** The lines of a text for recipients that must not be there, and that nobody may read: private keys. */
export function listMisplacedSecrets(text: string): readonly string[] {
  const lines = splitLines(text);
  // A private key of SSH has lines of nothing but base64.
  if (lines.some((line) => isPrivateKey.test(line))) return lines.filter((line) => !line.startsWith("age1"));
  return lines.filter((line) => isIdentity.test(line));
}

/** Undefined for a recipient that the package takes. Errors of the package hold the text, and go nowhere. */
function describeWrongRecipient(line: string): string | undefined {
  if (line === "") return "is empty: a variable that does not exist, or is misspelt, arrives so";
  if (isIdentity.test(line))
    return "is a private identity, which must never be here: it belongs to those who restore; make a new one, and give its public age1… here";
  if (isPrivateKey.test(line)) return "is a private key, which must never be here";
  if (isSshKey.test(line)) return "is an SSH key: give a recipient of age-keygen, which begins with age1";
  const around = findAround(line);
  if (around !== undefined) return around;
  if (/[\s,;]age1/.test(line)) return "has several recipients: give each a line of its own";
  if (line.startsWith("age1")) {
    const kind = line.slice(0, line.lastIndexOf("1"));
    if (kind !== "age" && !nativeKinds.includes(kind)) return "is a recipient of a plugin, which cannot run here";
    return isTaken(line) ? undefined : "is no whole recipient: some of it is missing, or was changed";
  }
  if (isFileName(line) || line.includes("/")) return "is the path of a file: give the recipients that stand in it";
  return "is not a recipient of age: that begins with age1; passphrases are not taken";
}

/** The human-readable parts of post-quantum hybrids, and of the two for keys in hardware. */
const nativeKinds = ["age1pq", "age1tag", "age1tagpq"];

function isPostQuantum(recipient: string): boolean {
  return /^age1(?:tag)?pq1/.test(recipient);
}

function isTaken(recipient: string): boolean {
  try {
    new Encrypter().addRecipient(recipient);
    return true;
  } catch {
    return false;
  }
}
