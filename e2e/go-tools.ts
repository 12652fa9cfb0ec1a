import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./command.ts";
import { LackError } from "./lack.ts";

/** Programs that are built from one go.mod. */
export interface ToolSet {
  /** Below e2e/tools. */
  readonly folder: string;
  /** Name of each program, and its package. */
  readonly programs: Readonly<Record<string, string>>;
  readonly ldflags: string;
}

/** Tells of what took time. */
export type Report = (line: string) => void;

const toolsFolder = fileURLToPath(new URL("tools", import.meta.url));

/** What is built once and kept, by name. Outside of the tree, as the user's caches are. */
export function cacheFolderOf(name: string): string {
  const caches = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  return join(caches, "hypershift-etcd-backup-action", name);
}

/**
 * Builds what is missing in the cache folder, one program after the other. Returns the folder with the programs; throws an
 * Error of one line where Go fails, a LackError where it is missing.
 */
export async function buildToolSet(set: ToolSet, cacheFolder: string, report: Report): Promise<string> {
  const goVersion = await runGo(["env", "GOVERSION"], toolsFolder).catch(() => {
    throw new LackError("missing: go; install Go 1.25 or newer and run again");
  });
  const source = join(toolsFolder, set.folder);
  const inputs = await Promise.all(["go.mod", "go.sum"].map((name) => readFile(join(source, name), "utf8")));
  const digest = createHash("sha256")
    .update(JSON.stringify([...inputs, set, goVersion]))
    .digest("hex");
  const target = join(cacheFolder, `${set.folder}-${digest.slice(0, 12)}`);
  await mkdir(target, { recursive: true });
  for (const [program, packagePath] of Object.entries(set.programs)) {
    if (await exists(join(target, program))) continue;
    const startedMs = performance.now();
    await buildProgram({ source, target, program, packagePath, ldflags: set.ldflags });
    report(`built ${program} (${set.folder}) in ${seconds(performance.now() - startedMs)}`);
  }
  return target;
}

interface Build {
  readonly source: string;
  readonly target: string;
  readonly program: string;
  readonly packagePath: string;
  readonly ldflags: string;
}

async function buildProgram({ source, target, program, packagePath, ldflags }: Build): Promise<void> {
  // Built beside its place and renamed: an interrupted build leaves no half program.
  const work = await mkdtemp(join(target, ".build-"));
  try {
    const output = join(work, program);
    await runGo(
      ["build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", ldflags, "-o", output, packagePath],
      source,
    ).catch((error: unknown) => {
      throw new Error(`go build of ${program} failed: ${error instanceof Error ? error.message : String(error)}`);
    });
    await rename(output, join(target, program));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function runGo(args: readonly string[], cwd: string): Promise<string> {
  return runCommand("go", args, { cwd, env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off", GOFLAGS: "" } });
}
