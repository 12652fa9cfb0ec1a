/** The lines that two texts do not share, each hunk under the number of its first line in `before`; as `diff` has it, without context. */
export function diffLines(before: string, after: string): readonly string[] {
  const [from, to] = [before.split("\n"), after.split("\n")];
  // Length of the longest common part of what follows both places.
  const shared: number[][] = Array.from({ length: from.length + 1 }, () => new Array<number>(to.length + 1).fill(0));
  const sharedAt = (one: number, other: number): number => shared[one]?.[other] ?? 0;
  for (let one = from.length - 1; one >= 0; one -= 1)
    for (let other = to.length - 1; other >= 0; other -= 1) {
      const row = shared[one];
      if (row !== undefined)
        row[other] =
          from[one] === to[other]
            ? sharedAt(one + 1, other + 1) + 1
            : Math.max(sharedAt(one + 1, other), sharedAt(one, other + 1));
    }
  const lines: string[] = [];
  let [one, other, open] = [0, 0, false];
  while (one < from.length || other < to.length) {
    if (one < from.length && from[one] === to[other]) {
      [one, other, open] = [one + 1, other + 1, false];
      continue;
    }
    if (!open) lines.push(`@ ${String(one + 1)}`);
    open = true;
    if (other >= to.length || (one < from.length && sharedAt(one + 1, other) >= sharedAt(one, other + 1)))
      lines.push(`- ${from[one++] ?? ""}`);
    else lines.push(`+ ${to[other++] ?? ""}`);
  }
  return lines;
}
