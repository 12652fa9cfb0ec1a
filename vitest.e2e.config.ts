import { defineConfig } from "vitest/config";

/** Against a management cluster of real parts; started by e2e/run.ts, which makes its namespaces. */
export default defineConfig({
  test: {
    include: ["e2e/**/*.e2e.ts"],
    globalSetup: ["e2e/setup.ts", "__tests__/action/entry.ts"],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    // One machine, one cluster: the scenarios take turns.
    fileParallelism: false,
    reporters: ["verbose"],
  },
});
