import { stringAt } from "../src/json-path.ts";
import type { Files } from "./workflow-files.ts";

/** Stands wherever the account is named that hosts this repository for a user. */
export const placeholderOwner = "OWNER";
const repository = "hypershift-etcd-backup-action";

export interface Release {
  /** Without the `v` of its tag. */
  readonly version: string;
  /** Day of the release, `YYYY-MM-DD`. */
  readonly date: string;
}

const number = "(?:0|[1-9]\\d*)";
const versionPattern = new RegExp(`^${number}\\.${number}\\.${number}$`);
/** The action as a step uses it; the owner and what stands after the `@` are captured. */
const reference = new RegExp(`([\\w.-]+)/${repository}@(\\w(?:[\\w.-]*\\w)?)`, "g");
const heading = /^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$/gm;
const unreleased = "## [Unreleased]";

/** The files that name the version, as they are in the commit to be tagged. Throws an Error of one line that says why not. */
export function writeRelease(files: Files, { version, date }: Release): Files {
  if (!versionPattern.test(version))
    throw new Error(`${version} is not a version: give three numbers without leading zeros, such as 1.2.3`);
  const changelog = files["CHANGELOG.md"] ?? "";
  const [last] = findReleases(changelog);
  if (last !== undefined && compareVersions(version, last) <= 0)
    throw new Error(`${version} is not above ${last}, the last release in CHANGELOG.md`);
  if (!changelog.includes(`${unreleased}\n`)) throw new Error(`CHANGELOG.md has no heading ${unreleased}`);
  if (findSection(changelog, unreleased) === "") throw new Error(`CHANGELOG.md has nothing below ${unreleased}`);
  const written = Object.entries(files).map(([path, text]): [string, string] => [
    path,
    writeVersion(path, text, { version, date }),
  ]);
  const result = Object.fromEntries(written);
  const [difference] = findDifferences(result, `v${version}`);
  if (difference !== undefined) throw new Error(`the release could not be written: ${difference}`);
  return result;
}

/** What says something else than `tag`, a line each; empty for a commit that may bear it. */
export function findDifferences(files: Files, tag: string): readonly string[] {
  const version = tag.replace(/^v/, "");
  if (tag === version || !versionPattern.test(version)) return [`the tag ${tag} is not v and three numbers`];
  const lock = readJson(files, "package-lock.json");
  const named = [
    ["package.json", stringAt(readJson(files, "package.json"), "version")],
    ["package-lock.json", stringAt(lock, "version")],
    ["package-lock.json", stringAt(lock, "packages", "", "version")],
    ["CHANGELOG.md", findReleases(files["CHANGELOG.md"] ?? "")[0]],
  ] as const;
  const others = named.flatMap(([path, found]) =>
    found === version ? [] : [`${path} has ${found ?? "no release"}, and not ${version}`],
  );
  return [
    // Once, where the lock file has another one in both places.
    ...new Set(others),
    ...Object.entries(files).flatMap(([path, text]) => findOtherReferences(path, text, tag)),
  ];
}

/** What CHANGELOG.md says of a release, without its heading; empty where it has none. */
export function findNotes(changelog: string, version: string): string {
  const found = [...changelog.matchAll(heading)].find(([, named]) => named === version);
  return found === undefined ? "" : findSection(changelog, found[0]);
}

function writeVersion(path: string, text: string, { version, date }: Release): string {
  if (path === "package.json") return replaceVersions(text, version, 1);
  // The package stands in its lock file twice, before every other one.
  if (path === "package-lock.json") return replaceVersions(text, version, 2);
  if (path === "CHANGELOG.md") {
    const link = `[${version}]: https://github.com/${placeholderOwner}/${repository}/releases/tag/v${version}\n`;
    const [before = "", after = ""] = text.split(`${unreleased}\n`);
    const links = /^\[\d+\.\d+\.\d+\]: /m.test(after) ? "" : "\n";
    return `${before}${unreleased}\n\n## [${version}] - ${date}\n${after}${links}${link}`;
  }
  return text.replaceAll(reference, (_, owner: string) => `${owner}/${repository}@v${version}`);
}

function replaceVersions(text: string, version: string, count: number): string {
  let left = count;
  return text.replaceAll(/"version": "[^"]*"/g, (found) => (left-- > 0 ? `"version": "${version}"` : found));
}

function findOtherReferences(path: string, text: string, tag: string): readonly string[] {
  const found = [...text.matchAll(reference)];
  const mustName = path === "README.md" || path.startsWith("examples/");
  if (found.length === 0) return mustName ? [`${path} does not use the action`] : [];
  const expected = `${placeholderOwner}/${repository}@${tag}`;
  const others = new Set(found.map(([whole]) => whole).filter((whole) => whole !== expected));
  return [...others].map((other) => `${path} has ${other}, and not ${expected}`);
}

/** Versions with a heading, as they stand: the newest first. */
function findReleases(changelog: string): readonly string[] {
  return [...changelog.matchAll(heading)].map(([, version = ""]) => version);
}

/** The text between a heading and the next one, without the links at the end of the file. */
function findSection(changelog: string, title: string): string {
  const rest = changelog.slice(changelog.indexOf(`${title}\n`) + title.length);
  const end = /^(?:## |\[\d+\.\d+\.\d+\]: )/m.exec(rest)?.index;
  return rest.slice(0, end).trim();
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  const differences = (left ?? []).map((value, index) => value - (right?.[index] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}

function readJson(files: Files, path: string): unknown {
  return JSON.parse(files[path] ?? "{}");
}
