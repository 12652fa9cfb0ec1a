import { defineConfig } from "vitest/config";

// What strikes the machine or the management cluster itself runs alone, after all others.
const alone = ["e2e/machine.e2e.ts", "e2e/management-cluster.e2e.ts"];
const patience = { testTimeout: 600_000, hookTimeout: 600_000 };

/** A node that dies under a drill dies under all of them. */
const everyDrill = process.env["E2E_DRILL"] === "yes";

/**
 * Against a management cluster of real parts; started by e2e/run.ts, which makes its namespaces. Each file has a hosted
 * cluster of its own. They mostly wait for pods: two cores have room for two of them.
 */
export default defineConfig({
  test: {
    globalSetup: ["e2e/setup.ts", "__tests__/scenario/entry.ts"],
    reporters: ["verbose"],
    projects: [
      {
        test: {
          name: "beside each other",
          include: ["e2e/**/*.e2e.ts"],
          exclude: alone,
          maxWorkers: everyDrill ? 1 : 2,
          sequence: { groupOrder: 0 },
          ...patience,
        },
      },
      { test: { name: "alone", include: alone, fileParallelism: false, sequence: { groupOrder: 1 }, ...patience } },
    ],
  },
});
