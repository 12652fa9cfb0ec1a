import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { limits } from "../src/time-limits.ts";

const root = join(import.meta.dirname, "..");

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node24",
  format: "esm",
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
} as const;

/** The entries load the bundle when their signal handlers are there, and not as a part of themselves. */
const bundleBeside: Plugin = {
  name: "bundle-beside",
  setup: (entries) => {
    entries.onResolve({ filter: /^\.\/run\.ts$/ }, () => ({ path: "./action.js", external: true }));
  },
};

/** Writes main.js, post.js and package.json to `folder`; they import action.js beside them. */
export async function bundleEntries(folder: string): Promise<void> {
  await build({
    ...common,
    entryPoints: ["src/main.ts", "src/post.ts"],
    outdir: folder,
    plugins: [bundleBeside],
  });
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
}

/** Writes what main and post share as one ES module to `outfile`; returns the files that went into it, relative to the repository. */
export async function bundleAction(outfile: string, plugins: Plugin[] = []): Promise<readonly string[]> {
  const result = await build({
    ...common,
    entryPoints: ["src/run.ts"],
    outfile,
    // CommonJS packages in the bundle call require for Node's own modules.
    banner: { js: 'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);' },
    plugins,
  });
  return Object.keys(result.metafile.inputs);
}

/** Time limits that are not as the action has them. */
export type ChangedLimits = Partial<Record<keyof typeof limits, number>>;

const limitsFromBeside: Plugin = {
  name: "limits-from-beside",
  setup: (bundle) => {
    bundle.onResolve({ filter: /\/time-limits\.ts$/ }, () => ({ path: "./time-limits.mjs", external: true }));
  },
};

/** Writes the source as it is now to `folder`; it takes its time limits from `time-limits.mjs` beside it, which is not written. */
export async function bundleWithoutLimits(folder: string): Promise<void> {
  await Promise.all([bundleEntries(folder), bundleAction(join(folder, "action.js"), [limitsFromBeside])]);
}

/** Gives an action without limits the usual ones, but for those that are changed. */
export function writeLimits(folder: string, changed: ChangedLimits): void {
  const text = `export const limits = ${JSON.stringify({ ...limits, ...changed })};\n`;
  writeFileSync(join(folder, "time-limits.mjs"), text);
}

/** Writes the source as it is now to a new `folder`, with other time limits where some are changed. Returns the folder. */
export async function bundleWithLimits(folder: string, changed: ChangedLimits): Promise<string> {
  mkdirSync(folder);
  await bundleWithoutLimits(folder);
  writeLimits(folder, changed);
  return folder;
}

/** Writes src/verify/program.ts as one file that works alone, on Node 20 and newer. */
export async function bundleVerify(outfile: string): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: ["src/verify/program.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    legalComments: "none",
    logLevel: "warning",
  });
}
