import { spawnSync } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBinaries } from "./binaries.ts";
import { createCgroups, findHierarchies, removeCgroups } from "./cgroups.ts";
import { buildImages } from "./images.ts";
import { checkMachine } from "./machine.ts";
import { runInNamespaces } from "./namespaces.ts";

/**
 * `npm run e2e [-- vitest's arguments]`: builds what is missing, then runs the tests in namespaces of their own. The kernel
 * ends every process, mount and address in them when the first process in them ends, however it does; what is left for
 * this one are the cgroups and the folder. With `--check` it only looks at the machine; 3 says that it will not do. With
 * `--all` it runs every row, also those that e2e/everything.ts leaves out; with `--bench` e2e/bench.e2e.ts measures. With
 * `--drill` it runs every row of the drill and no other, and then starts 50 defects that the proof accepts (DRILL_DEFECTS).
 */
const prefix = "hypershift-e2e-";
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
const name = `${prefix}${String(process.pid)}`;
const work = join(tmpdir(), name);
const onlyCheck = process.argv.includes("--check");
const everything = process.argv.includes("--all");
const drill = process.argv.includes("--drill");
const bench = process.argv.includes("--bench");

const report = (line: string): void => {
  process.stdout.write(`e2e: ${line}\n`);
};

let cgroups: readonly string[] = [];
try {
  await checkMachine();
  await removeLeftovers();
  cgroups = await createCgroups(name);
} catch (error) {
  fail(error, onlyCheck ? 3 : 1);
}
if (process.exitCode === undefined && !onlyCheck) {
  await runTests().catch(fail);
  if (drill) startDefects();
}
await removeCgroups(cgroups);
await rm(work, { recursive: true, force: true });

function fail(error: unknown, exitCode = 1): void {
  process.stderr.write(`e2e: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = exitCode;
}

async function runTests(): Promise<void> {
  const binaries = await buildBinaries(report);
  const images = await buildImages(binaries, report);
  const temporary = join(work, "tmp");
  await mkdir(temporary, { recursive: true, mode: 0o755 });
  await writeFile(join(work, "parts.json"), JSON.stringify({ binaries, images, cgroup: name }));
  process.exitCode = await runInNamespaces(
    [
      process.execPath,
      vitest,
      "run",
      "--config",
      "vitest.e2e.config.ts",
      ...process.argv.slice(2).filter((argument) => !["--all", "--bench", "--drill"].includes(argument)),
      ...(drill ? ["e2e/drill"] : []),
    ],
    {
      flags: ["--cgroup", "--net", "--mount", "--ipc"],
      outside: cgroups.map((folder) => `echo $$ > ${folder}/cgroup.procs`),
      env: {
        E2E_WORK_FOLDER: work,
        TMPDIR: temporary,
        ...(everything ? { E2E_ALL: "yes" } : {}),
        ...(drill ? { E2E_DRILL: "yes" } : {}),
        ...(bench ? { E2E_BENCH: "yes" } : {}),
      },
    },
  );
}

/** What the proof accepts of damaged snapshots, restored and started by real tools. */
function startDefects(): void {
  const script = fileURLToPath(new URL("../scripts/test-etcd.ts", import.meta.url));
  const env = { DRILL_DEFECTS: "50", ...process.env };
  const { status } = spawnSync(process.execPath, [script, "__tests__/etcd/drill"], { stdio: "inherit", env });
  if (status !== 0) process.exitCode = 1;
}

/** What runs left whose process was killed. */
async function removeLeftovers(): Promise<void> {
  for (const parent of [...(await findHierarchies()), tmpdir()]) {
    const found = (await readdir(parent)).filter((entry) => entry.startsWith(prefix));
    for (const left of found.filter((entry) => !isAlive(Number(entry.slice(prefix.length)))))
      await (parent === tmpdir()
        ? rm(join(parent, left), { recursive: true, force: true })
        : removeCgroups([join(parent, left)]));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
