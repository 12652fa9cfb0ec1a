import { defineConfig } from "vitest/config";

/** Thousands of runs with a fault in each, in process and as real processes: too many for every change of a line. */
export const faultTests = [
  "__tests__/faults/sweep.test.ts",
  "__tests__/faults/interleavings.test.ts",
  "__tests__/action/crash-points.test.ts",
  "__tests__/action/recover.test.ts",
  "__tests__/action/unruly-cluster.test.ts",
];

export default defineConfig({
  test: {
    include: faultTests,
    globalSetup: ["__tests__/action/entry.ts"],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Runs that are struck mostly wait, beside a sweep that computes.
    maxWorkers: 3,
    reporters: ["default"],
  },
});
