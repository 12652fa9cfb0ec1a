import { defineConfig } from "vitest/config";

/** Thousands of runs with a fault in each, in process and as real processes: too many for every change of a line. */
export default defineConfig({
  test: {
    include: ["__tests__/faults/**/*.test.ts"],
    globalSetup: ["__tests__/scenario/entry.ts"],
    testTimeout: 480_000,
    hookTimeout: 120_000,
    // Runs that are struck mostly wait, beside a sweep that computes.
    maxWorkers: 3,
    reporters: ["default"],
  },
});
