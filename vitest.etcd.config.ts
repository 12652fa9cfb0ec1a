import { defineConfig } from "vitest/config";

/** Against etcd 3.5, 3.6 and 3.7, built by Go: the reading of snapshots, and what their restore is predicted to answer. */
export default defineConfig({
  test: {
    include: ["__tests__/etcd/**/*.etcdtest.ts"],
    globalSetup: ["__tests__/etcd/setup.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Each of them computes, beside servers that do.
    maxWorkers: 2,
    reporters: ["default"],
  },
});
