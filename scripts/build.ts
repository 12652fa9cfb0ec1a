/**
 * Builds dist/: esbuild leaves out what is unused (ncc would keep all of it), ncc writes the one file that both entries load,
 * and the licence of every bundled package goes beside it. See docs/adr/0001-bundle-with-esbuild-then-ncc.md.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleAction, bundleEntries, bundleVerify } from "./bundle.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");
// Names of modules in the result come from the place of the folder in the repository.
const work = join(root, "node_modules/.cache/build");

try {
  mkdirSync(work, { recursive: true });
  const inputs = await bundleAction(join(work, "index.js"));
  writeFileSync(join(work, "package.json"), '{ "type": "module" }\n');
  execFileSync(
    process.execPath,
    [join(root, "node_modules/@vercel/ncc/dist/ncc/cli.js"), "build", "index.js", "-o", "out", "-q"],
    {
      cwd: work,
      stdio: "inherit",
    },
  );
  rmSync(dist, { recursive: true, force: true });
  await bundleEntries(dist);
  await bundleVerify(join(dist, "verify.mjs"));
  // ncc gives its file no other name.
  cpSync(join(work, "out/index.js"), join(dist, "action.js"));
  writeFileSync(join(dist, "licenses.txt"), renderLicences(inputs));
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** The licence texts of the packages that own `inputs`, by name. */
function renderLicences(inputs: readonly string[]): string {
  const folders = new Set(inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []));
  const packages = [...folders].map((folder) => {
    const manifest = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
      name: string;
      version: string;
      license?: string;
    };
    const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
    const text =
      file !== undefined && existsSync(join(root, folder, file)) ? readFileSync(join(root, folder, file), "utf8") : "";
    return {
      title: `${manifest.name} ${manifest.version}`,
      licence: manifest.license ?? "see below",
      text: text.trim(),
    };
  });
  packages.sort((a, b) => (a.title < b.title ? -1 : 1));
  return packages.map(({ title, licence, text }) => `${title}\n${licence}\n${text}\n`).join("\n---\n\n");
}
