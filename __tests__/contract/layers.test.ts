import { readdirSync } from "node:fs";
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";
import { expect, test } from "vitest";
import { at } from "../../src/json-path.ts";

const root = new URL("../..", import.meta.url).pathname;
const eslint = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] });

/** The rules that an import of `imported` in the file at `filePath` breaks. */
async function lint(filePath: string, imported: string): Promise<readonly (string | null)[]> {
  const code = `import { something } from "${imported}";\n\nexport const other = something;\n`;
  const [result] = await eslint.lintText(code, { filePath });
  return (result?.messages ?? []).map(({ ruleId }) => ruleId);
}

test.each([
  ["a use case that imports another", "src/backup/capture.ts", "../recover/recover.ts"],
  ["a circle of folders", "src/snapshots/proof.ts", "../hold/lock.ts"],
  ["two rooms of one row", "src/pod/save.ts", "../snapshots/location.ts"],
  ["a room that imports an edge", "src/hold/lock.ts", "../adapters/clock.ts"],
  ["an adapter that imports a use case", "src/adapters/s3/calls.ts", "../../backup/backup.ts"],
  ["a pure folder that imports the ports", "src/etcd/trailer.ts", "../ports.ts"],
  ["the ground that imports a room", "src/time.ts", "./hold/journal.ts"],
  ["an SDK outside of its adapter", "src/backup/backup.ts", "@aws-sdk/client-s3"],
])("the linter refuses %s", async (_, filePath, imported) => {
  expect(await lint(filePath, imported)).toEqual(["@typescript-eslint/no-restricted-imports"]);
});

test.each([
  ["src/backup/backup.ts", "../hold/lock.ts"],
  ["src/hold/leftovers.ts", "../snapshots/catalogue.ts"],
  ["src/adapters/s3/calls.ts", "../kubernetes/errors.ts"],
  ["src/preflight/preflight.ts", "./members.ts"],
])("the linter lets %s import %s", async (filePath, imported) => {
  expect(await lint(filePath, imported)).toEqual([]);
});

test("everything in src has its place in the list of the linter", async () => {
  const files = readdirSync(new URL("../../src", import.meta.url), { recursive: true, encoding: "utf8" });
  const without: string[] = [];
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const config: unknown = await eslint.calculateConfigForFile(`src/${file}`);
    if (at(config, "rules", "@typescript-eslint/no-restricted-imports", 1, "patterns", 1, "regex") === undefined)
      without.push(file);
  }
  expect(without).toEqual([]);
});
