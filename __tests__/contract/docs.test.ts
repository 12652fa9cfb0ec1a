import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { inputNames } from "../../src/action/inputs/names.ts";
import type { JsonObject } from "../world/management-cluster/json.ts";

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

describe("docs/fleet.md", () => {
  const loop = /(while read -r name; do\n.*?\ndone) <clusters\.txt/s.exec(read("docs/fleet.md"))?.[1] ?? "";
  const cut = "-e '/^# For restores/,$d' ";

  async function makeRights(script: string, cluster: string): Promise<readonly JsonObject[]> {
    const printing = script.replace(/\|\s*kubectl apply -f -/, "");
    const { stdout } = await promisify(execFile)("bash", ["-euc", `${printing} <<<"$1"`, "loop", cluster], {
      cwd: root,
    });
    return parseAllDocuments(stdout).map((one) => one.toJS() as JsonObject);
  }

  /** The objects of docs/rbac.yaml for a cluster, its Roles under names of their own. */
  function expectedRights(text: string, cluster: string): readonly JsonObject[] {
    const named = text
      .replaceAll("clusters-example", "clusters-@")
      .replaceAll(/\bexample\b/g, cluster)
      .replaceAll("@", cluster.replaceAll(".", "-"));
    return parseAllDocuments(named).map((one) => {
      const object = one.toJS() as JsonObject;
      if (object["kind"] !== "Role" && object["kind"] !== "RoleBinding") return object;
      const rename = (field: string): JsonObject => {
        const value = object[field] as JsonObject | undefined;
        return value === undefined ? {} : { [field]: { ...value, name: `${String(value["name"])}-${cluster}` } };
      };
      return { ...object, ...rename("metadata"), ...rename("roleRef") };
    });
  }

  test.each([
    ["backups", (script: string) => script, (text: string) => text.split("# For restores")[0] ?? ""],
    ["everything", (script: string) => script.replace(cut, ""), (text: string) => text],
  ])("gives each cluster of a list rights of its own, for %s", async (_, change, shorten) => {
    const script = change(loop);
    expect(script.includes(cut)).toBe(script === loop);
    const text = shorten(read("docs/rbac.yaml"));
    const seen = new Map<string, JsonObject>();
    for (const cluster of ["one", "my.example"]) {
      const rights = await makeRights(script, cluster);
      expect(rights).toEqual(expectedRights(text, cluster));
      // What has the name of an object that is there already takes nothing away from it.
      for (const object of rights) {
        const { namespace, name } = object["metadata"] as Readonly<Record<string, string>>;
        const id = [object["kind"], namespace, name].join(" ");
        expect(seen.get(id) ?? object).toEqual(object);
        seen.set(id, object);
      }
    }
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
