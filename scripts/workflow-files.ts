import { parse } from "yaml";
import manifest from "../package.json" with { type: "json" };
import { placeholderOwner } from "./release-files.ts";

/** Text by path. */
export type Files = Readonly<Record<string, string>>;

/** The action as README and examples use it. */
export const publishedAction = `${placeholderOwner}/${manifest.name}@v${manifest.version}`;

/** A workflow around steps that stand alone. */
const frame = [
  "name: steps",
  "on: { push: {} }",
  "permissions: {}",
  "concurrency: { group: steps, cancel-in-progress: false }",
  "jobs:",
  "  job:",
  "    name: job",
  "    runs-on: ubuntu-latest",
  "    steps:",
];

/**
 * Each YAML block of a Markdown text as a workflow, `<path>.<line>.yml`; steps alone get a frame. Lines keep the numbers that
 * they have in the text. Throws for a block that is neither a workflow nor steps.
 */
export function findWorkflows(path: string, text: string): Files {
  return Object.fromEntries(
    [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map((match): [string, string] => {
      const [, block = ""] = match;
      const before = text.slice(0, match.index).split("\n").length;
      const name = `${path}.${String(before + 1)}.yml`;
      const value: unknown = parse(block);
      if (typeof value !== "object" || value === null) throw new Error(`${name} is neither a workflow nor steps`);
      return [name, Array.isArray(value) ? frameSteps(block, before) : "\n".repeat(before) + block];
    }),
  );
}

/** The action stands where the workflow's own repository does, so that its inputs and outputs are looked at. */
export function useLocally(files: Files): Files {
  return mapTexts(files, (text) => text.replaceAll(publishedAction, "./"));
}

/** As it is when a user has put a commit in. */
export function pinByCommit(files: Files): Files {
  return mapTexts(files, (text) =>
    text.replaceAll(publishedAction, publishedAction.replace(/@.*/, `@${"0".repeat(40)}`)),
  );
}

function frameSteps(block: string, before: number): string {
  const indented = block.replaceAll(/^(?=.)/gm, "    ");
  return `${frame.join("\n")}${"\n".repeat(before - frame.length + 1)}${indented}`;
}

function mapTexts(files: Files, change: (text: string) => string): Files {
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [path, change(text)]));
}
