import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { writeRelease } from "../../scripts/release-files.ts";
import { runWorkflow, type WorkflowOptions, type WorkflowResult } from "./act.ts";
import type { Answers } from "./stand-ins.ts";

const workflow = ".github/workflows/release.yml";
const root = join(import.meta.dirname, "../..");

/** This repository at the commit of the release 1.2.3, without what the workflow does not look at. */
function releasedFiles(): Readonly<Record<string, string>> {
  const read = (paths: readonly string[]): Record<string, string> =>
    Object.fromEntries(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
  const named = read([
    ...["package.json", "package-lock.json", "README.md", "CHANGELOG.md"],
    ...readdirSync(join(root, "examples")).map((name) => `examples/${name}`),
  ]);
  const changelog = named["CHANGELOG.md"]?.replace("## [Unreleased]\n", "$&\n- Something new.\n") ?? "";
  return {
    ...writeRelease({ ...named, "CHANGELOG.md": changelog }, { version: "1.2.3", date: "2026-11-30" }),
    ...read([
      "scripts/release.ts",
      "scripts/release-files.ts",
      "scripts/sbom.ts",
      "e2e/command.ts",
      "e2e/lack.ts",
      "src/json-path.ts",
    ]),
    "docs/page.md": "Nothing of the version.\n",
    "dist/main.js": "",
    "dist/licenses.txt": "yaml 2.9.1\nISC\n",
  };
}

const installed = { components: [{ "bom-ref": "yaml@2.9.1" }, { "bom-ref": "vitest@5.1.0" }] };
const answers: Answers = { "gh run list": "1\n", "npm sbom": JSON.stringify(installed) };

function runRelease(options: Partial<WorkflowOptions>): Promise<WorkflowResult> {
  return runWorkflow({ env: {} }, workflow, {
    event: "workflow_dispatch",
    commit: true,
    secrets: {},
    vars: {},
    files: releasedFiles(),
    answers,
    ...options,
  });
}

/** Calls that change something at GitHub, or vouch for something. */
function listDeeds({ calls }: WorkflowResult): readonly string[] {
  return calls
    .map(({ program, args }) => [program, ...args].join(" "))
    .filter((call) => /^attest |^gh release create|^gh api --method/.test(call));
}

describe("release.yml, started by hand", () => {
  test("attests what was built, and drafts the release of package.json", async () => {
    const result = await runRelease({});
    expect(result.exitCode).toBe(0);
    const assets = ["release/licenses.txt", "release/main.js", "release/sbom.cdx.json"].join(" ");
    expect(listDeeds(result)).toEqual([
      expect.stringContaining(`attest ${assets}`) as string,
      expect.stringContaining("attest release/main.js release/sbom.cdx.json") as string,
      expect.stringMatching(
        new RegExp(`^gh release create v1\\.2\\.3 --draft --target [0-9a-f]{40} --title v1\\.2\\.3 .* ${assets}$`),
      ) as string,
    ]);
  });

  test.each([
    [
      "a file names another version",
      "README.md does not use the action",
      { files: { ...releasedFiles(), "README.md": "Nothing.\n" } },
    ],
    ["the tag is there", "title=release exists", { answers: { ...answers, "gh api": "refs/tags/v1.2.3\n" } }],
    [
      "there is a draft of it",
      "title=release exists",
      { answers: { ...answers, "gh release list": "v1.2.2\nv1.2.3\n" } },
    ],
    ["the SBOM is not whole", "npm does not know yaml@2.9.1", { answers: { ...answers, "npm sbom": "{}" } }],
    ["CI was not green", "title=no green run", { answers: { ...answers, "gh run list": "0\n" } }],
  ])("drafts nothing where %s", async (_, reason, options) => {
    const result = await runRelease(options);
    expect(result.exitCode).toBe(1);
    expect(result.log).toContain(reason);
    expect(listDeeds(result)).toEqual([]);
  });
});

describe("release.yml, after a release was published", () => {
  function published(release: object, tags: string): Partial<WorkflowOptions> {
    const author = { login: "github-actions[bot]" };
    return {
      event: "release",
      payload: { action: "published", release: { author, immutable: true, tag_name: "v1.2.3", ...release } },
      answers: { ...answers, "gh api": tags },
    };
  }

  test("moves the major tag to it, when dist/ was attested", async () => {
    const result = await runRelease(published({}, "refs/tags/v1.2.2\nrefs/tags/v1.2.3\n"));
    expect(result.exitCode).toBe(0);
    const attested = result.calls.filter(({ args }) => args[0] === "attestation").map(({ args }) => args[2]);
    expect(attested).toEqual(["dist/licenses.txt", "dist/main.js"]);
    expect(listDeeds(result)).toEqual([
      expect.stringMatching(/^gh api --method PATCH repos\/\S+\/git\/refs\/tags\/v1 .*sha=[0-9a-f]{40} /) as string,
    ]);
  });

  test.each([
    ["a newer one is there", "title=v1 stays", published({}, "refs/tags/v1.2.3\nrefs/tags/v1.10.0\n"), 0],
    ["it can still be changed", "title=release is mutable", published({ immutable: false }, "refs/tags/v1.2.3\n"), 1],
    [
      "it is not the tag of package.json",
      "package.json has 1.2.3",
      published({ tag_name: "v1.2.4" }, "refs/tags/v1.2.4\n"),
      1,
    ],
    ["somebody made it by hand", "", published({ author: { login: "somebody" } }, "refs/tags/v1.2.3\n"), 0],
  ])("moves nothing where %s", async (_, reason, options, exitCode) => {
    const result = await runRelease(options);
    expect(result.log).toContain(reason);
    expect(listDeeds(result)).toEqual([]);
    expect(result.exitCode).toBe(exitCode);
  });
});
