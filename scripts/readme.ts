/**
 * Writes the tables of inputs and outputs into README.md, from action.yml, between their markers.
 * `--check` writes nothing and fails when they differ.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

interface Entry {
  readonly description: string;
  readonly default?: string;
  readonly required?: boolean;
}

const root = join(import.meta.dirname, "..");
const readme = join(root, "README.md");
const action = parse(readFileSync(join(root, "action.yml"), "utf8")) as {
  readonly inputs: Readonly<Record<string, Entry>>;
  readonly outputs: Readonly<Record<string, Entry>>;
};

const inputs = renderTable(
  ["Input", "Default", "What it is"],
  Object.entries(action.inputs).map(([name, input]) => [
    `\`${name}\``,
    input.default === undefined ? (input.required === true ? "required" : "") : `\`${input.default}\``,
    input.description,
  ]),
);
const outputs = renderTable(
  ["Output", "What it is"],
  Object.entries(action.outputs).map(([name, output]) => [`\`${name}\``, output.description]),
);

const before = readFileSync(readme, "utf8");
const after = replaceBetween(replaceBetween(before, "inputs", inputs), "outputs", outputs);
if (!process.argv.includes("--check")) writeFileSync(readme, after);
else if (after !== before) {
  console.error("README.md differs from action.yml; run `npm run readme`");
  process.exitCode = 1;
}

function renderTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

function replaceBetween(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}: written by npm run readme -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`README.md has no markers for its ${name}`);
  // The formatter would pad every row to the longest description.
  const table = `<!-- prettier-ignore-start -->\n${content}\n<!-- prettier-ignore-end -->`;
  return `${text.slice(0, from + start.length)}\n\n${table}\n\n${text.slice(to)}`;
}
