import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { listAt, stringAt } from "../../src/json-path.ts";

const root = join(import.meta.dirname, "../..");
const licences = join(root, "dist/licenses.txt");

test.skipIf(!existsSync(licences))("dist/licenses.txt has every package of the bundle, with its licence", async () => {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ["src/run.ts"],
    outfile: "action.js",
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

// Found by it: npm's own --omit dev leaves out yaml, which something for development needs as well.
test.skipIf(!existsSync(licences))(
  "the SBOM has the packages of dist/licenses.txt, each with its licence, and no others",
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, "scripts/sbom.ts")], {
      cwd: root,
      maxBuffer: 2 ** 26,
    });
    const sbom: unknown = JSON.parse(stdout);
    const components = listAt(sbom, "components");
    const named = components.map((component) =>
      [stringAt(component, "name"), stringAt(component, "version")].join(" "),
    );
    const licensed = readFileSync(licences, "utf8")
      .split("\n---\n\n")
      .map((text) => text.split("\n")[0]);
    expect(named.toSorted()).toEqual(licensed.toSorted());
    expect(named).toContain(`yaml ${manifest.dependencies.yaml}`);
    expect(components.filter((component) => listAt(component, "licenses").length === 0)).toEqual([]);
    const refs = components.map((component) => stringAt(component, "bom-ref"));
    const edges = listAt(sbom, "dependencies").flatMap((dependency) => listAt(dependency, "dependsOn"));
    expect(edges.filter((ref) => !refs.some((known) => known === ref))).toEqual([]);
  },
);
