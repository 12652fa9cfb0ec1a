import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Plugin } from "esbuild";
import type { TestProject } from "vitest/node";
import { bundleAction } from "../../scripts/bundle.ts";

/** What the scenarios run: the bundled action, or why there is none. */
export type ActionEntry = { readonly path: string } | { readonly problem: string };

declare module "vitest" {
  interface ProvidedContext {
    readonly actionEntry: ActionEntry;
    /** The source as it is now, which takes its time limits from `time-limits.mjs` beside it; there is no such file yet. */
    readonly limitlessEntry: ActionEntry;
  }
}

const repository = resolve(import.meta.dirname, "../..");

const limitsFromBeside: Plugin = {
  name: "limits-from-beside",
  setup: (build) => {
    build.onResolve({ filter: /\/time-limits\.ts$/ }, () => ({ path: "./time-limits.mjs", external: true }));
  },
};

/** The committed bundle in CI, or the file that ACTION_ENTRY names; else the source as it is now, bundled once for a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "action-entry-"));
  const chosen = process.env["ACTION_ENTRY"] ?? (process.env["CI"] === "true" ? "dist/index.js" : undefined);
  const [actionEntry, limitlessEntry] = await Promise.all([
    chosen === undefined ? bundleTo(join(folder, "index.mjs")) : findBundle(chosen),
    bundleTo(join(folder, "limitless.mjs"), [limitsFromBeside]),
  ]);
  project.provide("actionEntry", actionEntry);
  project.provide("limitlessEntry", limitlessEntry);
  return () => rm(folder, { recursive: true, force: true });
}

function findBundle(chosen: string): ActionEntry {
  const path = resolve(repository, chosen);
  return existsSync(path) ? { path } : { problem: `${chosen} is missing: npm run build` };
}

async function bundleTo(path: string, plugins: Plugin[] = []): Promise<ActionEntry> {
  try {
    await bundleAction(path, plugins);
    return { path };
  } catch (error) {
    // Tests that need no bundle run all the same.
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
