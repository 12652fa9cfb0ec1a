import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./command.ts";
import { buildToolSet, cacheFolderOf, exists, type Report, type ToolSet } from "./go-tools.ts";
import { LackError } from "./lack.ts";

/** What runs and checks workflows; outside of the tree like all that is built. */
const cacheFolder = cacheFolderOf("workflows");
const requirementsFile = fileURLToPath(new URL("tools/zizmor/requirements.txt", import.meta.url));

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
  const requirements = await readFile(requirementsFile, "utf8");
  const digest = createHash("sha256").update(`${process.arch} ${requirements}`).digest("hex");
  const target = join(cacheFolder, `zizmor-${digest.slice(0, 12)}`);
  if (await exists(target)) return target;
  await mkdir(cacheFolder, { recursive: true });
  // Beside its place and renamed: an interrupted fetch leaves no half program. Of the environment only the program is kept.
  const work = await mkdtemp(join(cacheFolder, ".zizmor-"));
  try {
    await runCommand("python3", ["-m", "venv", work]).catch(() => {
      throw new LackError("missing: python3 with venv; install Debian's python3-venv and run again");
    });
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    await runCommand(join(work, "bin/python3"), [...pip, "--require-hashes", "--requirement", requirementsFile]);
    await rename(join(work, "bin/zizmor"), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  report("fetched zizmor");
  return target;
}
