/**
 * Writes the tables of inputs and outputs into docs/inputs.md, from action.yml, between their markers. The comment above an input
 * begins a group: `What it is about: a note on all of them.` The readers themselves say which modes take an input. `--check`
 * writes nothing and fails when they differ.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, parseDocument } from "yaml";
import { modeNames } from "../src/action/inputs/mode.ts";
import { inputNames } from "../src/action/inputs/names.ts";
import { listModesOf } from "./inputs-of-modes.ts";

interface Entry {
  readonly name: string;
  /** The comment above it, where it begins a group. */
  readonly group: string | undefined;
  readonly description: string;
  readonly default?: string;
  readonly required?: boolean;
}

const root = join(import.meta.dirname, "..");
const page = join(root, "docs/inputs.md");
const action = parseDocument(readFileSync(join(root, "action.yml"), "utf8"));

const inputs = splitGroups(listEntries("inputs")).map((entries) => {
  const [heading, note] = entries[0]?.group?.split(": ") ?? ["The mode", undefined];
  const table = renderTable(
    ["Input", "Default", "Modes", "What it is"],
    entries.map((input) => [
      `\`${input.name}\``,
      input.default === undefined ? (input.required === true ? "required" : "") : `\`${input.default}\``,
      renderModes(input.name),
      input.description,
    ]),
  );
  return [`### ${heading ?? ""}`, ...(note === undefined ? [] : [note]), table].join("\n\n");
});
const outputs = renderTable(
  ["Output", "What it is"],
  listEntries("outputs").map(({ name, description }) => [`\`${name}\``, description]),
);

const before = readFileSync(page, "utf8");
const after = replaceBetween(replaceBetween(before, "inputs", inputs.join("\n\n")), "outputs", outputs);
if (!process.argv.includes("--check")) writeFileSync(page, after);
else if (after !== before) {
  console.error("docs/inputs.md differs from action.yml; run `npm run inputs-page`");
  process.exitCode = 1;
}

function listEntries(section: "inputs" | "outputs"): readonly Entry[] {
  const map = action.get(section);
  if (!isMap(map)) throw new Error(`action.yml has no ${section}`);
  return map.items.map(({ key, value }) => {
    if (!isScalar(key) || !isMap(value)) throw new Error(`one of the ${section} of action.yml is not a mapping`);
    // The comment above the first of a mapping belongs to the mapping; no group begins there.
    const comment = key.commentBefore?.trim();
    return { name: String(key.value), group: comment, ...(value.toJSON() as { readonly description: string }) };
  });
}

function splitGroups(entries: readonly Entry[]): readonly (readonly Entry[])[] {
  const groups: Entry[][] = [];
  for (const entry of entries) {
    const last = groups.at(-1);
    if (last === undefined || entry.group !== undefined) groups.push([entry]);
    else last.push(entry);
  }
  return groups;
}

function renderModes(input: string): string {
  const modes = inputNames.filter((name) => name === input).flatMap(listModesOf);
  const others = modeNames.filter((mode) => !modes.includes(mode));
  if (others.length === 0) return "all";
  return others.length === 1 ? `all but ${renderNames(others)}` : renderNames(modes);
}

function renderNames(modes: readonly string[]): string {
  return modes.map((mode) => `\`${mode}\``).join(", ");
}

function renderTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

function replaceBetween(text: string, name: string, content: string): string {
  const [start, end] = [`<!-- ${name}: written by npm run inputs-page -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`docs/inputs.md has no markers for its ${name}`);
  // The formatter would pad every row to the longest description.
  const table = `<!-- prettier-ignore-start -->\n${content}\n<!-- prettier-ignore-end -->`;
  return `${text.slice(0, from + start.length)}\n\n${table}\n\n${text.slice(to)}`;
}
