import { join } from "node:path";
import { defineConfig, type Plugin } from "vitest/config";
import { mutantOf } from "./scripts/mutants/all-mutants.ts";
import type { Mutant } from "./scripts/mutants/mutant.ts";

const root = import.meta.dirname;
const list = join(root, "scripts", "mutants", "all-mutants.ts");
const suffix = "?mutant";

/** Gives everybody who imports the mutant's module another one: the same, but for one export, which is the mistaken one. */
function mistake({ name, module, exported }: Mutant): Plugin {
  const sound = join(root, module);
  return {
    name: "mistake",
    enforce: "pre",
    resolveId: async function (source, importer, options) {
      if (importer?.endsWith(suffix) === true || importer?.includes("/scripts/mutants/") === true) return undefined;
      const resolved = await this.resolve(source, importer, { ...options, skipSelf: true });
      return resolved?.id === sound ? sound + suffix : undefined;
    },
    load: (id) =>
      id === sound + suffix
        ? `
export * from ${JSON.stringify(sound)};
import { ${exported} as sound } from ${JSON.stringify(sound)};
import { mutantOf } from ${JSON.stringify(list)};
export const ${exported} = mutantOf(${JSON.stringify(name)}).change(sound);
`
        : undefined,
  };
}

const name = process.env["MUTANT"];

/** One test, with the mistake that MUTANT names; without it, as it is. */
export default defineConfig({
  plugins: name === undefined ? [] : [mistake(mutantOf(name))],
  test: {
    include: ["__tests__/**/*.test.ts"],
    testTimeout: 180_000,
    // A module that is cached without the mistake, or with another one, is not the one to try.
    fsModuleCache: false,
  },
});
