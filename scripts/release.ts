/**
 * `npm run release -- X.Y.Z`: writes the version wherever it is named, and builds dist/, which names it too; the result is the
 * commit to be tagged. `--check TAG` writes nothing, and fails when something differs from the tag. `--notes` prints what
 * CHANGELOG.md says of the version in package.json. It needs no package, so that it runs where nothing was installed.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { runCommand } from "../e2e/command.ts";
import { reportFailure } from "../e2e/lack.ts";
import { stringAt } from "../src/json-path.ts";
import { findDifferences, findNotes, writeRelease } from "./release-files.ts";
import type { Files } from "./workflow-files.ts";

try {
  const [first = "", second, ...more] = process.argv.slice(2);
  if (first === "--check" && second !== undefined && more.length === 0) check(await readFiles(), second);
  else if (first === "--notes" && second === undefined) printNotes(await readFiles());
  else if (first !== "" && !first.startsWith("--") && second === undefined) await release(first);
  else throw new Error("give a version, such as 1.2.3, or --check and a tag, or --notes");
} catch (error) {
  process.exitCode = reportFailure("release", error);
}

/** All that may name the version. */
async function readFiles(): Promise<Files> {
  const list = async (folder: string, ending: string): Promise<readonly string[]> =>
    (await readdir(folder)).filter((name) => name.endsWith(ending)).map((name) => `${folder}/${name}`);
  const paths = [
    ...["package.json", "package-lock.json", "CHANGELOG.md", "README.md"],
    ...(await list("examples", ".yml")),
    ...(await list("docs", ".md")),
  ];
  const texts = await Promise.all(paths.map(async (path) => [path, await readFile(path, "utf8")] as const));
  return Object.fromEntries(texts);
}

async function release(version: string): Promise<void> {
  const changed = await runCommand("git", ["status", "--porcelain"]);
  if (changed !== "")
    throw new Error("the work tree has changes: commit them first, so that the release is nothing else");
  const date = new Date().toISOString().slice(0, "YYYY-MM-DD".length);
  const files = writeRelease(await readFiles(), { version, date });
  for (const [path, text] of Object.entries(files)) await writeFile(path, text);
  await runCommand("npm", ["run", "build"]);
  console.log(`release: ${version} is written. Look at it with git diff, then:
  git commit --all --message "Release ${version}"
When it is on main and CI is green, start the workflow \`release\` there: docs/versioning.md.`);
}

function check(files: Files, tag: string): void {
  const differences = findDifferences(files, tag);
  if (differences.length > 0) throw new Error(differences.join("\nrelease: "));
  console.log(`release: everything names ${tag}`);
}

function printNotes(files: Files): void {
  const version = stringAt(JSON.parse(files["package.json"] ?? "{}"), "version") ?? "";
  const notes = findNotes(files["CHANGELOG.md"] ?? "", version);
  if (notes === "") throw new Error(`CHANGELOG.md has no release ${version}`);
  console.log(notes);
}
