import { columns, type Column } from "./column.ts";

/** Outcomes, each with the faults that lead to it, set apart by commas. One that begins with a dash says why they cannot be. */
export type Row = Readonly<Record<string, string>>;

/** What `row` says of each fault, and what is wrong with it: a fault that is missing, named twice or not known. */
export function readRow(row: Row): {
  readonly cells: ReadonlyMap<Column, string>;
  readonly problems: readonly string[];
} {
  const cells = new Map<Column, string>();
  const problems: string[] = [];
  for (const [outcome, named] of Object.entries(row))
    for (const name of named.split(", ")) {
      const column = names.find((known) => known === name);
      if (column === undefined || cells.has(column)) problems.push(`${name} is no fault, or is named twice`);
      else cells.set(column, outcome);
    }
  problems.push(...names.filter((name) => !cells.has(name)).map((name) => `there is no cell for ${name}`));
  return { cells, problems };
}

const names = Object.keys(columns) as readonly Column[];
