/** What a parser says of a text that is not YAML, by its codes; the codes themselves are words of its own. */
const words: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "has a key twice",
  TAB_AS_INDENT: "is indented with a tab",
  BAD_INDENT: "is not indented as what stands before it",
  BAD_SCALAR_START: "begins a value with a character that YAML reserves",
  BLOCK_AS_IMPLICIT_KEY: "has two colons on one line, or an indent too many",
  MULTILINE_IMPLICIT_KEY: "lacks a colon, or a quote is not closed",
  MISSING_CHAR: "lacks a quote, a bracket or a blank",
  BAD_ALIAS: "has a value that begins with *, and no quotes",
};

/** Completes "the <file> …"; for what has no words of its own, that it is no YAML. */
export function describeYamlProblem(code: string, line: number): string {
  return `${words[code] ?? "is no valid YAML"} in line ${String(line)}`;
}
