import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const root = join(import.meta.dirname, "..");

/** Writes the action as one ES module to `outfile`; returns the files that went into it, relative to the repository. */
export async function bundleAction(outfile: string, plugins: Plugin[] = []): Promise<readonly string[]> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ["src/index.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    metafile: true,
    legalComments: "none",
    // CommonJS packages in the bundle call require for Node's own modules.
    banner: { js: 'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);' },
    logLevel: "warning",
    plugins,
  });
  return Object.keys(result.metafile.inputs);
}
