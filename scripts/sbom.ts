/**
 * Prints an SBOM (CycloneDX) of dist/: what `npm sbom` says of all that is installed, of the packages in dist/licenses.txt alone.
 * npm's own `--omit dev` leaves out packages that something for development needs as well. It needs no package.
 */
import { readFile } from "node:fs/promises";
import { runCommand } from "../e2e/command.ts";
import { reportFailure } from "../e2e/lack.ts";
import { at, listAt, stringAt } from "../src/json-path.ts";

try {
  const licences = await readFile("dist/licenses.txt", "utf8");
  const bundled = licences
    .split("\n---\n\n")
    .map((text) => text.slice(0, text.indexOf("\n")).replace(/ (?=[^ ]*$)/, "@"));
  const installed: unknown = JSON.parse(
    await runCommand("npm", ["sbom", "--sbom-format", "cyclonedx", "--sbom-type", "application"]),
  );
  const components = listAt(installed, "components").filter((component) =>
    bundled.includes(stringAt(component, "bom-ref") ?? ""),
  );
  const found = components.map((component) => stringAt(component, "bom-ref"));
  const missing = bundled.filter((name) => !found.includes(name));
  if (missing.length > 0) throw new Error(`npm does not know ${missing.join(", ")}, of dist/licenses.txt`);
  const root = stringAt(installed, "metadata", "component", "bom-ref");
  const dependencies = listAt(installed, "dependencies")
    .filter((dependency) => [root, ...bundled].includes(stringAt(dependency, "ref")))
    .map((dependency) => ({
      ref: at(dependency, "ref"),
      dependsOn: listAt(dependency, "dependsOn").filter((name) => bundled.some((other) => other === name)),
    }));
  console.log(
    JSON.stringify({ ...(typeof installed === "object" ? installed : {}), components, dependencies }, null, 2),
  );
} catch (error) {
  process.exitCode = reportFailure("sbom", error);
}
