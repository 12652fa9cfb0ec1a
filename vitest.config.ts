import { configDefaults, defineConfig } from "vitest/config";

/** Everything that needs neither root nor servers of others, but for the thousands of runs of `__tests__/faults`. */
export default defineConfig({
  test: {
    include: ["__tests__/**/*.test.ts"],
    exclude: [...configDefaults.exclude, "__tests__/faults/**"],
    globalSetup: ["__tests__/scenario/entry.ts"],
    // A scenario takes seconds, and on a machine with other work many times that.
    testTimeout: 600_000,
    hookTimeout: 120_000,
    // Scenarios mostly wait; two cores have room for four of them.
    maxWorkers: 4,
    // No test mocks a module or leaves a global behind; a process of its own for each file would cost more than most of them.
    isolate: false,
    reporters: ["default"],
  },
});
