/**
 * The pairs of GITHUB_OUTPUT, GITHUB_STATE or GITHUB_ENV; a later key wins. Throws for text that the runner refuses
 * (FileCommandManager.cs): no delimiter, an empty name, a line that is neither `name=value` nor `name<<delimiter`.
 */
export function parsePairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const lines = text.split("\n");
  // The end of the last line is not the start of another one.
  if (lines.at(-1) === "") lines.pop();
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? "";
    if (line === "") continue;
    const equals = line.indexOf("=");
    const heredoc = line.indexOf("<<");
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      pairs.set(line.slice(0, equals), line.slice(equals + 1));
      continue;
    }
    if (heredoc < 0) throw new Error(`Invalid format '${line}'`);
    const name = line.slice(0, heredoc);
    const delimiter = line.slice(heredoc + 2);
    if (name === "" || delimiter === "") {
      throw new Error(`Invalid format '${line}'. Name must not be empty and delimiter must not be empty`);
    }
    const end = lines.indexOf(delimiter, index + 1);
    if (end < 0) throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`);
    pairs.set(name, lines.slice(index + 1, end).join("\n"));
    index = end;
  }
  return pairs;
}

/** CreateStepSummaryCommand: above it the summary is not uploaded, and the step does not fail. */
export const summaryLimitBytes = 1024 * 1024;
