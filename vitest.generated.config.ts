import { configDefaults, defineConfig } from "vitest/config";

/** The tests that run in process: what mistakes made by a generator (`npm run mutants:generated`) are held against. */
export default defineConfig({
  test: {
    include: ["__tests__/unit/**/*.test.ts", "__tests__/memory/**/*.test.ts"],
    // The generator runs tests in threads, which cannot set the mask of a process; nothing that is changed writes that file.
    exclude: [...configDefaults.exclude, "__tests__/unit/restore/output-file.test.ts"],
    testTimeout: 60_000,
    // As in vitest.config.ts: else each mutant pays for a process a file.
    isolate: false,
  },
});
