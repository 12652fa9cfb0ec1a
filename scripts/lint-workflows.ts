/**
 * `npm run lint:workflows`: actionlint and zizmor over .github/workflows, examples, action.yml, Dependabot's settings and the
 * YAML of the README; cfn-lint over the template of CloudFormation. They see copies, in which something real stands in the place of the published action.
 */
import { spawn, type SpawnOptions } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { reportFailure } from "../e2e/lack.ts";
import { buildActionlint, fetchCfnLint, fetchZizmor } from "../e2e/workflow-tools.ts";
import { findWorkflows, pinByCommit, useLocally, type Files } from "./workflow-files.ts";

const template = "docs/cloudformation.yaml";
const repository = join(import.meta.dirname, "..");
const report = (line: string): void => {
  console.log(`lint:workflows: ${line}`);
};

const folder = await mkdtemp(join(tmpdir(), "lint-workflows-"));
try {
  const actionlint = await buildActionlint(report);
  const zizmor = await fetchZizmor(report);
  const cfnLint = await fetchCfnLint(report);
  const { "README.md": readme = "", ...written } = await readTexts([
    ...(await listFiles(".github/workflows")),
    ...(await listFiles("examples")),
    "README.md",
  ]);
  const workflows = { ...written, ...findWorkflows("README.md", readme) };
  const others = await readTexts(["action.yml", ".github/dependabot.yml"]);
  // Other linters are called by actionlint where they happen to be installed; the result is to be the same everywhere.
  const actionlintArgs = ["-no-color", "-shellcheck=", "-pyflakes="];
  const zizmorArgs = ["--offline", "--pedantic", "--strict-collection", "--quiet", "--no-progress", "--color=never"];
  const clean = [
    // actionlint looks for the program that action.yml names.
    await lint([actionlint, ...actionlintArgs], useLocally(workflows), {
      ...others,
      "dist/main.js": "",
      "dist/post.js": "",
    }),
    await lint([zizmor, ...zizmorArgs, ...Object.keys(others)], pinByCommit(workflows), others),
    // Informational findings as well; its schemas are a part of it.
    await succeeds([...cfnLint.command, "--include-checks", "I", "--", template], {
      cwd: repository,
      env: cfnLint.env,
    }),
  ];
  process.exitCode = clean.every(Boolean) ? 0 : 1;
} catch (error) {
  process.exitCode = reportFailure("lint:workflows", error);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Runs a linter on the workflows, in a repository that holds the other files as well; true without a finding. */
async function lint(command: readonly string[], workflows: Files, others: Files): Promise<boolean> {
  const copy = await mkdtemp(join(folder, "copy-"));
  // Both take it for a repository.
  await mkdir(join(copy, ".git"));
  for (const [path, text] of Object.entries({ ...workflows, ...others })) {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await writeFile(join(copy, path), text);
  }
  return succeeds([...command, ...Object.keys(workflows)], { cwd: copy });
}

async function succeeds([program = "", ...args]: readonly string[], options: SpawnOptions): Promise<boolean> {
  const child = spawn(program, args, { ...options, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (code) => {
      resolve(code === 0);
    });
  });
}

async function listFiles(directory: string): Promise<readonly string[]> {
  return (await readdir(join(repository, directory))).map((name) => `${directory}/${name}`);
}

async function readTexts(paths: readonly string[]): Promise<Files> {
  const texts = await Promise.all(paths.map((path) => readFile(join(repository, path), "utf8")));
  return Object.fromEntries(paths.map((path, index) => [path, texts[index] ?? ""]));
}
