import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { findDifferences, findNotes, writeRelease } from "../../scripts/release-files.ts";
import type { Files } from "../../scripts/workflow-files.ts";

const root = join(import.meta.dirname, "../..");
const script = join(root, "scripts/release.ts");

/** What names the version, as it is in this repository. */
function readHere(): Files {
  const examples = readdirSync(join(root, "examples")).map((name) => `examples/${name}`);
  const paths = ["package.json", "package-lock.json", "README.md", "CHANGELOG.md", ...examples];
  return Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

/** With a note below Unreleased, whatever is there. */
function withNote(files: Files, note: string): Files {
  const changelog = files["CHANGELOG.md"]?.replace(/^## \[Unreleased\]\n/m, `$&\n${note}\n`) ?? "";
  return { ...files, "CHANGELOG.md": changelog };
}

function release(
  version: string,
  files = withNote(readHere(), "### Added\n\n- Something that a user notices."),
): Files {
  return writeRelease(files, { version, date: "2026-11-30" });
}

test("The version of package.json is the one that lock file, README and examples name", () => {
  const differences = findDifferences(readHere(), `v${manifest.version}`);
  // Before the first release CHANGELOG.md has none.
  expect(differences.filter((line) => !line.startsWith("CHANGELOG.md has no release"))).toEqual([]);
});

describe("A release", () => {
  const files = release("1.2.3");

  test("has the version wherever it is named, with the day in CHANGELOG.md", () => {
    expect(JSON.parse(files["package.json"] ?? "")).toEqual({ ...manifest, version: "1.2.3" });
    expect(JSON.parse(files["package-lock.json"] ?? "")).toMatchObject({
      version: "1.2.3",
      packages: { "": { version: "1.2.3" }, "node_modules/yaml": { version: manifest.dependencies.yaml } },
    });
    for (const path of ["README.md", "examples/nightly.yml"])
      expect(files[path]).toContain("uses: OWNER/hypershift-etcd-backup-action@v1.2.3\n");
    const changelog = files["CHANGELOG.md"] ?? "";
    expect(changelog).toContain("## [Unreleased]\n\n## [1.2.3] - 2026-11-30\n\n### Added\n\n- Something");
    expect(changelog.trimEnd().split("\n").at(-1)).toMatch(/^\[1\.2\.3\]: https:\/\/\S+\/OWNER\/\S+\/v1\.2\.3$/);
  });

  test("is what its check takes, and its notes are its own alone", () => {
    expect(findDifferences(files, "v1.2.3")).toEqual([]);
    const next = release("1.3.0", withNote(files, "### Fixed\n\n- A mistake."));
    expect(findDifferences(next, "v1.3.0")).toEqual([]);
    const changelog = next["CHANGELOG.md"] ?? "";
    expect(findNotes(changelog, "1.3.0")).toBe("### Fixed\n\n- A mistake.");
    expect(findNotes(changelog, "1.2.3")).toMatch(/^### Added\n\n- Something that a user notices\./);
    expect(findNotes(changelog, "1.2.3")).not.toContain("https://github.com/OWNER");
    expect(findNotes(changelog, "1.2.4")).toBe("");
    expect(changelog.match(/^\[.*\]: /gm)).toEqual(["[1.2.3]: ", "[1.3.0]: "]);
  });

  test.each(["v1.2.4", "1.2", "1.02.4", "1.2.4-rc.1", "1.2.4 ", "", "1.2.4.5"])("is refused as %j", (version) => {
    expect(() => release(version)).toThrow(/is not a version/);
  });

  test.each(["1.2.3", "1.2.2", "0.9.9"])("is refused as %s after 1.2.3", (version) => {
    expect(() => release(version, withNote(files, "- A mistake."))).toThrow(/is not above 1\.2\.3/);
  });

  test("may be 1.10.0 after 1.2.3", () => {
    expect(findDifferences(release("1.10.0", withNote(files, "- A mistake.")), "v1.10.0")).toEqual([]);
  });

  test("of which CHANGELOG.md says nothing is refused", () => {
    expect(() => release("1.2.4", files)).toThrow("CHANGELOG.md has nothing below ## [Unreleased]");
  });

  test.each([
    ["package.json", '"version": "1.2.3"', '"version": "1.2.4"'],
    ["package-lock.json", '"version": "1.2.3"', '"version": "1.2.4"'],
    ["README.md", "-action@v1.2.3", "-action@v1.2.2"],
    ["README.md", "OWNER/hyper", "example/hyper"],
    ["examples/nightly.yml", "-action@v1.2.3", "-action@main"],
    ["examples/recover.yml", "uses: OWNER/hypershift-etcd-backup-action@v1.2.3", "uses: ./"],
    ["CHANGELOG.md", "## [1.2.3] - 2026-11-30\n", ""],
    ["CHANGELOG.md", "## [1.2.3]", "## [2.0.0] - 2026-12-01\n\n- More.\n\n## [1.2.3]"],
  ])("does not pass its check when in %s %j became %j", (path, from, to) => {
    const changed = files[path]?.replace(from, to) ?? "";
    expect(changed).not.toBe(files[path]);
    expect(findDifferences({ ...files, [path]: changed }, "v1.2.3")).toEqual([expect.stringMatching(`^${path} `)]);
  });

  test.each(["1.2.3", "v1.2", "v1.2.4", "v1.2.3-rc.1", "v01.2.3"])("does not pass its check as %s", (tag) => {
    expect(findDifferences(files, tag)).not.toEqual([]);
  });
});

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

function run(command: string, args: readonly string[], cwd: string): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd }, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode, output: stdout + stderr });
    });
  });
}

test("npm run release writes and builds in a clean work tree alone, and tells of the commit whether it may be tagged", async () => {
  const folder = await mkdtemp(join(tmpdir(), "release-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const path of ["package.json", "package-lock.json", "CHANGELOG.md", "README.md", "examples", "docs"])
    await cp(join(root, path), join(folder, path), { recursive: true });
  const runRelease = (...args: readonly string[]): Promise<Ended> => run(process.execPath, [script, ...args], folder);
  const changelog = withNote(readHere(), "### Added\n\n- Something that a user notices.")["CHANGELOG.md"] ?? "";
  await writeFile(join(folder, "CHANGELOG.md"), changelog);
  const built = { ...manifest, scripts: { build: "touch built" } };
  await writeFile(join(folder, "package.json"), JSON.stringify(built, null, 2));
  await run("git", ["init", "--quiet"], folder);

  expect(await runRelease("1.2.3")).toEqual({
    exitCode: 1,
    output: expect.stringMatching(/^release: the work tree has changes: .*\n$/) as string,
  });
  await run("git", ["add", "."], folder);
  const author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
  await run("git", [...author, "commit", "--quiet", "--message", "First"], folder);
  expect(await runRelease("--check", "v1.2.3")).toMatchObject({ exitCode: 1 });
  expect(await runRelease("1.2.3")).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(folder, "built"), "utf8")).toBe("");
  expect(await runRelease("--check", "v1.2.3")).toEqual({ exitCode: 0, output: "release: everything names v1.2.3\n" });
  expect(await runRelease("--check", "v1.2.4")).toMatchObject({ exitCode: 1 });
  expect((await runRelease("--notes")).output).toMatch(/^### Added\n\n- Something that a user notices\.\n/);
  expect((await runRelease()).output).toMatch(/^release: give a version, .*\n$/);
});
