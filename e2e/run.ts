import { spawn } from "node:child_process";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildBinaries } from "./binaries.ts";
import { createCgroups, findHierarchies, removeCgroups } from "./cgroups.ts";
import { buildImages } from "./images.ts";
import { checkMachine } from "./machine.ts";

/**
 * `npm run e2e [-- vitest's arguments]`: builds what is missing, then runs the tests in namespaces of their own. The kernel
 * ends every process, mount and address in them when the first process in them ends, however it does; what is left for
 * this one are the cgroups and the folder.
 */
const prefix = "hypershift-e2e-";
const repository = fileURLToPath(new URL("..", import.meta.url));

const report = (line: string): void => {
  process.stdout.write(`e2e: ${line}\n`);
};

try {
  await checkMachine();
  await removeLeftovers();
  const binaries = await buildBinaries(report);
  const images = await buildImages(binaries, report);
  process.exitCode = await runInNamespaces({ binaries, images });
} catch (error) {
  process.stderr.write(`e2e: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function runInNamespaces(parts: object): Promise<number> {
  const name = `${prefix}${String(process.pid)}`;
  const work = join(tmpdir(), name);
  let cgroups: readonly string[] = [];
  try {
    cgroups = await createCgroups(name);
    await mkdir(work, { mode: 0o755 });
    await writeFile(join(work, "parts.json"), JSON.stringify({ ...parts, cgroup: name }));
    return await startFirstProcess(work, cgroups);
  } finally {
    await removeCgroups(cgroups);
    await rm(work, { recursive: true, force: true });
  }
}

/** Resolves with the exit code of the tests; a signal to this process ends them and everything in their namespaces. */
async function startFirstProcess(work: string, cgroups: readonly string[]): Promise<number> {
  const vitest = join(repository, "node_modules", "vitest", "vitest.mjs");
  const tests = [process.execPath, vitest, "run", "--config", "vitest.e2e.config.ts", ...process.argv.slice(2)];
  const enter = cgroups.map((folder) => `echo $$ > ${folder}/cgroup.procs`).join(" && ");
  const unshare = "unshare --cgroup --net --mount --pid --ipc --fork --kill-child --mount-proc";
  // The inner shell is the first process of the namespace, and waits for the orphans that containerd leaves to it.
  const script = `${enter} && exec ${unshare} sh -c '"$@"; exit $?' sh "$@"`;
  // The kernel ends it with this process, also where that is killed.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "sh", "-c", script, "sh", ...tests], {
    cwd: repository,
    env: { ...process.env, E2E_WORK_FOLDER: work },
    stdio: ["ignore", "inherit", "inherit"],
    // A terminal's SIGINT comes to this process alone, which then ends the others.
    detached: true,
  });
  const interruption = new AbortController();
  const end = (): void => {
    interruption.abort();
    child.kill("SIGKILL");
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject).once("close", resolve);
  });
  return interruption.signal.aborted ? 130 : (code ?? 1);
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
