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
 * this one are the cgroups and the folder.
 */
const prefix = "hypershift-e2e-";
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));

const report = (line: string): void => {
  process.stdout.write(`e2e: ${line}\n`);
};

try {
  await checkMachine();
  await removeLeftovers();
  const binaries = await buildBinaries(report);
  const images = await buildImages(binaries, report);
  process.exitCode = await runTests({ binaries, images });
} catch (error) {
  process.stderr.write(`e2e: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function runTests(parts: object): Promise<number> {
  const name = `${prefix}${String(process.pid)}`;
  const work = join(tmpdir(), name);
  let cgroups: readonly string[] = [];
  try {
    cgroups = await createCgroups(name);
    await mkdir(work, { mode: 0o755 });
    await writeFile(join(work, "parts.json"), JSON.stringify({ ...parts, cgroup: name }));
    return await runInNamespaces(
      [process.execPath, vitest, "run", "--config", "vitest.e2e.config.ts", ...process.argv.slice(2)],
      {
        flags: ["--cgroup", "--net", "--mount", "--ipc"],
        outside: cgroups.map((folder) => `echo $$ > ${folder}/cgroup.procs`),
        env: { E2E_WORK_FOLDER: work },
      },
    );
  } finally {
    await removeCgroups(cgroups);
    await rm(work, { recursive: true, force: true });
  }
}

/** What runs left whose process was killed. */
async function removeLeftovers(): Promise<void> {
  for (const parent of [...(await findHierarchies()), tmpdir()]) {
    const names = (await readdir(parent)).filter((name) => name.startsWith(prefix));
    for (const name of names.filter((found) => !isAlive(Number(found.slice(prefix.length)))))
      await (parent === tmpdir()
        ? rm(join(parent, name), { recursive: true, force: true })
        : removeCgroups([join(parent, name)]));
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
