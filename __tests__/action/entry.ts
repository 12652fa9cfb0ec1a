import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { bundleAction } from "../../scripts/bundle.ts";

/** What the scenarios run: the bundled action, or why there is none. */
export type ActionEntry = { readonly path: string } | { readonly problem: string };

declare module "vitest" {
  interface ProvidedContext {
    readonly actionEntry: ActionEntry;
  }
}

const repository = resolve(import.meta.dirname, "../..");

/** The committed bundle in CI, or the file that ACTION_ENTRY names; else the source as it is now, bundled once for a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const chosen = process.env["ACTION_ENTRY"] ?? (process.env["CI"] === "true" ? "dist/index.js" : undefined);
  if (chosen !== undefined) {
    const path = resolve(repository, chosen);
    project.provide("actionEntry", existsSync(path) ? { path } : { problem: `${chosen} is missing: npm run build` });
    return () => Promise.resolve();
  }
  const folder = await mkdtemp(join(tmpdir(), "action-entry-"));
  const path = join(folder, "index.mjs");
  try {
    await bundleAction(path);
    project.provide("actionEntry", { path });
  } catch (error) {
    // Tests that need no bundle run all the same.
    project.provide("actionEntry", { problem: error instanceof Error ? error.message : String(error) });
  }
  return () => rm(folder, { recursive: true, force: true });
}
