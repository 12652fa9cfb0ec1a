import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestProject } from "vitest/node";
import { bundleAction, bundleEntries, bundleWithoutLimits } from "../../scripts/bundle.ts";

/** What the scenarios run: the folder of the bundled action, or why there is none. */
export type ActionEntry = { readonly path: string } | { readonly problem: string };

declare module "vitest" {
  interface ProvidedContext {
    readonly actionEntry: ActionEntry;
    /** The source as it is now, which takes its time limits from `time-limits.mjs` beside it; there is no such file yet. */
    readonly limitlessEntry: ActionEntry;
    /** A folder in which Node.js keeps what it compiled of them: it is a quarter of what a short process costs. */
    readonly compileCache: string;
  }
}

const repository = resolve(import.meta.dirname, "../..");

/** The committed bundle in CI, or that in the folder that ACTION_ENTRY names; else the source as it is now, bundled once for a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "action-entry-"));
  const chosen = process.env["ACTION_ENTRY"] ?? (process.env["CI"] === "true" ? "dist" : undefined);
  const [actionEntry, limitlessEntry] = await Promise.all([
    chosen === undefined ? bundleTo(join(folder, "action"), bundleSource) : findBundle(chosen),
    bundleTo(join(folder, "limitless"), bundleWithoutLimits),
  ]);
  project.provide("actionEntry", actionEntry);
  project.provide("limitlessEntry", limitlessEntry);
  project.provide("compileCache", join(folder, "compiled"));
  return () => rm(folder, { recursive: true, force: true });
}

function findBundle(chosen: string): ActionEntry {
  const path = resolve(repository, chosen);
  return existsSync(join(path, "main.js")) ? { path } : { problem: `${chosen} is missing: npm run build` };
}

async function bundleSource(folder: string): Promise<void> {
  await Promise.all([bundleEntries(folder), bundleAction(join(folder, "action.js"))]);
}

async function bundleTo(path: string, bundle: (folder: string) => Promise<void>): Promise<ActionEntry> {
  try {
    await mkdir(path);
    await bundle(path);
    return { path };
  } catch (error) {
    // Tests that need no bundle run all the same.
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
