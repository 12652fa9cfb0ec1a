import { configDefaults, defineConfig } from "vitest/config";
import { faultTests } from "./vitest.faults.config.ts";

export default defineConfig({
  test: {
    include: ["__tests__/**/*.test.ts"],
    exclude: [...configDefaults.exclude, ...faultTests],
    globalSetup: ["__tests__/action/entry.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Scenarios mostly wait; two cores have room for four of them.
    maxWorkers: 4,
    // No test mocks a module or leaves a global behind; a process of its own for each file would cost more than most of them.
    isolate: false,
    reporters: ["default"],
  },
});
