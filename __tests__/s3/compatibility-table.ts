import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import prettier from "prettier";
import { probes } from "./probes.ts";

/** Answers of one server by question. */
export type Column = ReadonlyMap<string, string>;
/** Columns by title, in the order of the table. */
export type Table = ReadonlyMap<string, Column>;

export const tableFile = path.resolve(import.meta.dirname, "../../docs/s3-compatibility.md");
export const embeddedTitle = "embedded store";

const start = "<!-- observed: begin -->";
const end = "<!-- observed: end -->";

/** The observed part of the document. Throws where it has no such part. */
export async function readTable(): Promise<Table> {
  const [, observed] = split(await readFile(tableFile, "utf8"));
  const columns = new Map<string, Map<string, string>>();
  let titles: readonly string[] = [];
  for (const line of observed.split("\n").filter((text) => text.startsWith("|"))) {
    const [question = "", ...cells] = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (/^-+$/.test(question)) continue;
    if (question === "") {
      // A head line; the answer of "all" is that of every title before it.
      if (cells[0] !== "all") titles = cells;
      for (const title of titles) if (!columns.has(title)) columns.set(title, new Map());
      continue;
    }
    titles.forEach((title, index) => {
      columns.get(title)?.set(question, (cells.length === 1 ? cells[0] : cells[index]) ?? "");
    });
  }
  return columns;
}

/** Puts `table` in the place of what was observed before. */
export async function writeTable(table: Table): Promise<void> {
  const [before, , after] = split(await readFile(tableFile, "utf8"));
  const text = `${before}${start}\n\n${renderTable(table)}\n${end}${after}`;
  const options = (await prettier.resolveConfig(tableFile)) ?? {};
  await writeFile(tableFile, await prettier.format(text, { ...options, filepath: tableFile }));
}

/** Where the servers differ with a column each, where they agree with one for all. */
function renderTable(table: Table): string {
  const columns = [...table.values()];
  const differ = (question: string): boolean => new Set(columns.map((column) => column.get(question))).size > 1;
  const questions = [...probes].map(([area, list]) => [area, list.map(({ question }) => question)] as const);
  const differing = questions.flatMap(([area, list]) => [
    ...section(
      area,
      list.filter(differ).map((question) => [question, ...columns.map((column) => column.get(question) ?? "")]),
      [...table.keys()],
    ),
  ]);
  const agreed = questions.flatMap(([area, list]) => [
    ...section(
      area,
      list.filter((question) => !differ(question)).map((question) => [question, columns[0]?.get(question) ?? ""]),
      ["all"],
    ),
  ]);
  return ["## Where they differ", "", ...differing, "## Where they agree", "", ...agreed].join("\n");
}

function section(area: string, rows: readonly (readonly string[])[], titles: readonly string[]): readonly string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [`### ${area}`, "", line(["", ...titles]), line(["-", ...titles.map(() => "-")]), ...rows.map(line), ""];
}

function split(text: string): readonly [before: string, observed: string, after: string] {
  const from = text.indexOf(start);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${tableFile} has no observed part`);
  return [text.slice(0, from), text.slice(from + start.length, to), text.slice(to + end.length)];
}
