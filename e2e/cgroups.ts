import { access, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./command.ts";
import { waitUntil } from "./wait.ts";

/** Mount points of the cgroup hierarchies: one of version 2, or one for each group of controllers of version 1, or both. */
export async function findHierarchies(): Promise<readonly string[]> {
  const mounts = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  const paths = mounts
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[4])
    .filter((path) => path !== undefined);
  // One mounted over another is there once.
  return [...new Set(paths)];
}

/** Makes one cgroup in each hierarchy; returns their folders. Throws an Error of one line where that is not possible. */
export async function createCgroups(name: string): Promise<readonly string[]> {
  const folders = (await findHierarchies()).map((hierarchy) => join(hierarchy, name));
  if (folders.length === 0)
    throw new Error("no cgroup hierarchy is mounted: kubelet needs them below /sys/fs/cgroup, writable");
  for (const [index, folder] of folders.entries()) {
    await mkdir(folder).catch(async (error: unknown) => {
      await removeCgroups(folders.slice(0, index));
      throw new Error(
        `cgroups are not usable: ${folder} cannot be made (${error instanceof Error ? error.message : ""})`,
      );
    });
    await copyCpuset(folder);
  }
  return folders;
}

/** Version 1 refuses processes in a cgroup that has no processors and memory nodes of its own. */
async function copyCpuset(folder: string): Promise<void> {
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    const parent = await readFile(join(folder, "..", file), "utf8").catch(() => undefined);
    if (parent !== undefined && parent.trim() !== "") await writeFile(join(folder, file), parent);
  }
}

/** Removes the cgroups and all below them; waits for processes that are ending. */
export async function removeCgroups(folders: readonly string[]): Promise<void> {
  await Promise.all(
    folders.map((folder) =>
      waitUntil(`cgroup ${folder} is removed`, async () => (await removeTree(folder), true), { timeoutMs: 15_000 }),
    ),
  );
}

async function removeTree(folder: string): Promise<void> {
  const exists = await access(folder).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  const children = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  for (const child of children) await removeTree(join(folder, child.name));
  await rmdir(folder);
}

/**
 * Inside of the cgroup namespace: puts what the namespace shows at the place where kubelet and runc look, so that all they
 * make is below the run's own cgroups.
 */
export async function mountOwnCgroups(name: string): Promise<void> {
  for (const hierarchy of await findHierarchies())
    await runCommand("mount", ["--bind", join(hierarchy, name), hierarchy]);
  // Version 2 gives controllers only to children of a cgroup without processes.
  const controllers = await readFile("/sys/fs/cgroup/cgroup.controllers", "utf8").catch(() => "");
  if (controllers.trim() === "") return;
  await mkdir("/sys/fs/cgroup/init");
  for (const pid of (await readFile("/sys/fs/cgroup/cgroup.procs", "utf8")).trim().split("\n"))
    await writeFile("/sys/fs/cgroup/init/cgroup.procs", pid);
  const all = controllers.trim().split(" ");
  await writeFile("/sys/fs/cgroup/cgroup.subtree_control", all.map((controller) => `+${controller}`).join(" "));
}
