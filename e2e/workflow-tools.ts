import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./command.ts";
import { buildToolSet, cacheFolderOf, exists, type Report, type ToolSet } from "./go-tools.ts";
import { LackError } from "./lack.ts";

/** What runs and checks workflows and templates; outside of the tree like all that is built. */
const cacheFolder = cacheFolderOf("workflows");

const act: ToolSet = {
  folder: "act",
  programs: { act: "github.com/nektos/act" },
  ldflags: "-s -w",
};
const actionlint: ToolSet = {
  folder: "actionlint",
  programs: { actionlint: "github.com/rhysd/actionlint/cmd/actionlint" },
  ldflags: "-s -w",
};

/** Path of act, built when it is missing. Throws an Error of one line where Go fails, a LackError where it is missing. */
export async function buildAct(report: Report): Promise<string> {
  return join(await buildToolSet(act, cacheFolder, report), "act");
}

/** The same of actionlint. */
export async function buildActionlint(report: Report): Promise<string> {
  return join(await buildToolSet(actionlint, cacheFolder, report), "actionlint");
}

/** Path of zizmor, fetched when it is missing. Throws an Error of one line where pip fails, a LackError without Python. */
export async function fetchZizmor(report: Report): Promise<string> {
  return join(await fetchPackages("zizmor", report), "bin/zizmor");
}

/** The command that starts cfn-lint, and its environment; fetched as zizmor is. */
export async function fetchCfnLint(
  report: Report,
): Promise<{ readonly command: readonly string[]; readonly env: NodeJS.ProcessEnv }> {
  const folder = await fetchPackages("cfn-lint", report);
  return { command: ["python3", join(folder, "bin/cfn-lint")], env: { ...process.env, PYTHONPATH: folder } };
}

/** The folder with the Python packages of tools/<name>/requirements.txt. */
async function fetchPackages(name: string, report: Report): Promise<string> {
  const requirementsFile = fileURLToPath(new URL(`tools/${name}/requirements.txt`, import.meta.url));
  const requirements = await readFile(requirementsFile, "utf8");
  const python = await runCommand("python3", ["--version"]).catch(refuseWithoutPython);
  const digest = createHash("sha256").update(`${process.arch} ${python} ${requirements}`).digest("hex");
  const target = join(cacheFolder, `${name}-${digest.slice(0, 12)}`);
  if (await exists(target)) return target;
  await mkdir(cacheFolder, { recursive: true });
  // Beside its place and renamed: an interrupted fetch leaves no half program. The environment is there for its pip alone.
  const work = await mkdtemp(join(cacheFolder, `.${name}-`));
  try {
    const environment = join(work, "environment");
    await runCommand("python3", ["-m", "venv", environment]).catch(refuseWithoutPython);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"];
    const packages = join(work, "packages");
    await runCommand(join(environment, "bin/python3"), [
      ...[...pip, "--target", packages],
      ...["--requirement", requirementsFile],
    ]);
    await rename(packages, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  report(`fetched ${name}`);
  return target;
}

function refuseWithoutPython(): never {
  throw new LackError("missing: python3 with venv; install Debian's python3-venv and run again");
}
