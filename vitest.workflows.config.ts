import { defineConfig } from "vitest/config";

/** The workflows of examples/, run by act; started by scripts/test-workflows.ts, which makes their network namespace. */
export default defineConfig({
  test: {
    include: ["__tests__/workflows/**/*.acttest.ts"],
    globalSetup: ["__tests__/scenario/entry.ts", "__tests__/workflows/setup.ts"],
    // Each of them is several processes.
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
    reporters: ["default"],
  },
});
