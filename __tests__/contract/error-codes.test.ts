import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const codes = [...readFileSync(join(root, "src/errors.ts"), "utf8").matchAll(/^ {2}\| "([a-z0-9-]+)"/gm)].map(
  ([, code = ""]) => code,
);
const sections = readFileSync(join(root, "docs/errors.md"), "utf8").split(/^### /m).slice(1);

test("docs/errors.md has one section for each error code, in the order of the code", () => {
  expect(codes.length).toBeGreaterThan(50);
  expect(sections.map((section) => section.split("\n")[0])).toStrictEqual(codes);
});

test.each(sections.map((section) => [section.split("\n")[0], section] as const))(
  "%s: what it means, its usual cause, what to do",
  (_, section) => {
    expect(section).toMatch(/^[a-z0-9-]+\n\n\S[^\n]+\n\n- \*\*Usual cause:\*\* \S[^\n]+\n- \*\*What to do:\*\* \S/);
  },
);
