/** Something that is wrong with one line; `problem` completes "line <n> …", and has no word of the line itself. */
export interface LineProblem {
  readonly line: number;
  readonly problem: string;
}

/** The keys of a text, with all that is wrong with its lines. */
export interface ReadLines<Key = string> {
  readonly values: readonly Key[];
  readonly problems: readonly LineProblem[];
}

/** The lines of `text` without blanks around them; the last line break ends a line, and begins none. */
export function splitLines(text: string): readonly string[] {
  return text
    .replace(/\r?\n[ \t]*$/, "")
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim());
}

/** The lines that are told about, by their numbers: of an armor, as a private key of SSH has it, the first alone. */
export function numberLines(text: string): readonly { readonly line: number; readonly words: string }[] {
  let inArmor = false;
  return splitLines(text).flatMap((words, index) => {
    const isInside = inArmor;
    inArmor = words.startsWith("-----BEGIN ") || (inArmor && !words.startsWith("-----END "));
    return isInside ? [] : [{ line: index + 1, words }];
  });
}

/** What came around the key of a line on its way into the input; undefined where nothing known did. */
export function findAround(line: string): string | undefined {
  if (/^["'`“”„‘’]|["'`“”„‘’],?$/u.test(line)) return "stands in quotes: leave them out";
  if (/\\[nr]/.test(line)) return "has \\n in place of a line break: store it with real ones";
  if (/^[-*]\s/.test(line)) return "is an item of a list: leave out what stands before the key";
  if (/^[\w .-]{1,60}[:=]\s*\S/.test(line) && !/^\S+=+$/.test(line))
    return "has a name before the key: give what stands behind it alone";
  if (/^\$\{\{/.test(line)) return "is an expression that was not evaluated: write it in with: of the step";
  if (/^\*{3,}$/.test(line)) return "is a mask, copied from a log: a log never shows a key";
  return undefined;
}

/** True for a path, or the name of a file. */
export function isFileName(line: string): boolean {
  return /^(?:~|\.{1,2})?[/\\]|^[A-Za-z]:\\|\.(?:txt|pub|pem|age|keys?|ya?ml|json)$/.test(line);
}
