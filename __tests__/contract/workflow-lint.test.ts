import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { findWorkflows } from "../../scripts/workflow-files.ts";

const root = join(import.meta.dirname, "../..");

interface Ended {
  readonly exitCode: number;
  readonly lines: readonly string[];
  /** What was left in its temporary folder and its cache. */
  readonly left: readonly string[];
}

/** Runs a script on a machine that has only these programs. */
async function runScript(script: string, programs: readonly string[]): Promise<Ended> {
  const folder = await mkdtemp(join(tmpdir(), "workflow-lint-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const place = (name: string): Promise<string> => mkdtemp(join(folder, `${name}-`));
  const [path, temporary, cache] = await Promise.all([place("bin"), place("tmp"), place("cache")]);
  for (const program of programs) await symlink(program, join(path, program.slice(program.lastIndexOf("/") + 1)));
  const ended = await new Promise<Omit<Ended, "left">>((resolve) => {
    const env = { PATH: path, HOME: folder, TMPDIR: temporary, XDG_CACHE_HOME: cache };
    const child = execFile(process.execPath, [join(root, script)], { env }, (_, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, lines: (stdout + stderr).trimEnd().split("\n") });
    });
  });
  return { ...ended, left: [...(await readdir(temporary)), ...(await readdir(cache))] };
}

describe("scripts/lint-workflows.ts", () => {
  test("says in one line that Go is missing, and leaves nothing", async () => {
    const { exitCode, lines, left } = await runScript("scripts/lint-workflows.ts", []);
    expect(exitCode).toBe(3);
    expect(lines).toEqual([expect.stringMatching(/^lint:workflows: missing: go; install Go \d/)]);
    expect(left).toEqual([]);
  });
});

describe("scripts/test-workflows.ts", () => {
  test("says in one line that no network namespace can be made, and leaves nothing", async () => {
    const { exitCode, lines, left } = await runScript("scripts/test-workflows.ts", []);
    expect(exitCode).toBe(3);
    expect(lines).toEqual([expect.stringMatching(/^test:workflows: no network namespace can be made: /)]);
    expect(left).toEqual([]);
  });
});

describe("the YAML of a Markdown text", () => {
  const text = [
    "# Title",
    ...Array.from({ length: 9 }, () => "words"),
    "```yaml",
    "on: push",
    "jobs: {}",
    "```",
    "```sh",
    "echo",
    "```",
    "```yaml",
    "- uses: a/b@c",
    "  with:",
    "    d: e",
    "```",
  ].join("\n");

  test("becomes workflows whose lines have the numbers of the text", () => {
    const found = findWorkflows("README.md", text);
    expect(Object.keys(found)).toEqual(["README.md.12.yml", "README.md.19.yml"]);
    expect(found["README.md.12.yml"]?.split("\n")[11]).toBe("on: push");
    expect(found["README.md.19.yml"]?.split("\n")[18]?.trim()).toBe("- uses: a/b@c");
    expect(parse(found["README.md.19.yml"] ?? "")).toMatchObject({
      jobs: { job: { steps: [{ uses: "a/b@c", with: { d: "e" } }] } },
    });
  });

  test("is refused when it is no workflow", () => {
    expect(() => findWorkflows("README.md", "```yaml\nword\n```\n")).toThrow(/README\.md\.2\.yml/);
  });
});
