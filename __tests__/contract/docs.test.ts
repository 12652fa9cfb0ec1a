import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { inputNames } from "../../src/action/inputs/names.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

describe("README.md", () => {
  const readme = read("README.md");

  test("is read in a few minutes", () => {
    expect(readme.split("\n").length).toBeLessThanOrEqual(200);
  });

  test("makes rights for other names by the command of its first step", async () => {
    const command = /```sh\n( *cluster=example .*?)```/s.exec(readme)?.[1] ?? "";
    const script = command
      .replace("cluster=example namespace=clusters", "cluster=my.example namespace=prod")
      .replace(/\|\s*kubectl apply -f -/, "");
    const { stdout } = await promisify(execFile)("bash", ["-euc", script], { cwd: root });
    const before = parseAllDocuments(read("docs/rbac.yaml").split("# For restores")[0] ?? "").map(
      (one) => one.toJS() as unknown,
    );
    const expected = JSON.parse(
      JSON.stringify(before)
        .replaceAll("clusters-example", "prod-my-EXAMPLE")
        .replaceAll(/\bexample\b/g, "my.example")
        .replaceAll(/\bclusters\b/g, "prod")
        .replaceAll("EXAMPLE", "example"),
    ) as unknown;
    expect(parseAllDocuments(stdout).map((one) => one.toJS() as unknown)).toEqual(expected);
    expect(JSON.stringify(expected)).toContain('"namespace":"prod-my-example"');
  });
});

describe("docs/", () => {
  const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));

  test("has the tables of action.yml", async () => {
    await promisify(execFile)(process.execPath, [join(root, "scripts/inputs-page.ts"), "--check"]);
  });

  test.each(["README.md", "CONTRIBUTING.md", ...pages.map((page) => `docs/${page}`)])(
    "%s links only to what exists",
    (page) => {
      for (const [, path = "", anchor] of read(page).matchAll(/\]\(([^)#:]+)(?:#([^)]+))?\)/g)) {
        const target = join(dirname(page), path);
        expect(existsSync(join(root, target)), target).toBe(true);
        if (anchor !== undefined) expect(listAnchors(read(target)), path).toContain(anchor);
      }
    },
  );

  test("are all named in their index", () => {
    const index = read("docs/index.md");
    for (const page of readdirSync(join(root, "docs")))
      if (/\.(?:md|json)$/.test(page) && page !== "index.md" && !page.startsWith("iam-policy"))
        expect(index).toContain(`(${page})`);
  });

  test("name only codes that there are", () => {
    const codes = listAnchors(read("docs/errors.md"));
    const named = [...read("docs/troubleshooting.md").matchAll(/^\| `([a-z]+(?:-[a-z]+)+)`/gm)].map(([, code]) => code);
    expect(named.length).toBeGreaterThan(10);
    expect(codes).toEqual(expect.arrayContaining(named.filter((code) => !inputNames.some((input) => input === code))));
  });
});

/** The anchors that GitHub makes of the headings of a page. */
function listAnchors(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
