import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const licences = join(root, "dist/licenses.txt");

test.skipIf(!existsSync(licences))("dist/licenses.txt has every package of the bundle, with its licence", async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/index.ts"],
    outfile: "index.js",
    bundle: true,
    platform: "node",
    format: "esm",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
  const folders = new Set(bundled.flatMap((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []));
  const packages = [...folders].map((folder) => {
    const { name, version } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as {
      name: string;
      version: string;
    };
    return `${name} ${version}`;
  });
  expect(packages.length).toBeGreaterThan(5);
  const text = readFileSync(licences, "utf8");
  expect(packages.filter((title) => !text.includes(title))).toStrictEqual([]);
});
