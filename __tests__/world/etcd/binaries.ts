import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, readdir, realpath, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Absolute paths of etcd's programs; etcdutl exists from etcd 3.5 on. */
export interface EtcdBinaries {
  readonly etcd: string;
  readonly etcdctl: string;
  readonly etcdutl?: string;
}

/** Debian and Ubuntu split etcd in two packages since Debian 10 and Ubuntu 20.04; before there was one. */
const packageNames: readonly (readonly string[])[] = [["etcd-server", "etcd-client"], ["etcd"]];
const installHint =
  "install etcd and etcdctl (3.4 or newer), or Debian's packages etcd-server and etcd-client, and run again";

let found: Promise<EtcdBinaries> | undefined;

/**
 * The etcd of PATH, else that of Debian's packages, unpacked without root into a cache folder of the user. Throws an
 * Error whose one line says what to install. Looks once in a process.
 */
export function findEtcdBinaries(): Promise<EtcdBinaries> {
  found ??= look();
  return found;
}

async function look(): Promise<EtcdBinaries> {
  const installed = await findIn((process.env["PATH"] ?? "").split(delimiter));
  if (installed) return installed;
  const cache = join(
    process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    "hypershift-etcd-backup-action",
    "etcd",
  );
  return (await findCached(cache)) ?? (await fetchPackages(cache));
}

async function findIn(directories: readonly string[]): Promise<EtcdBinaries | undefined> {
  const [etcd, etcdctl, etcdutl] = await Promise.all(
    ["etcd", "etcdctl", "etcdutl"].map((name) => findProgram(name, directories)),
  );
  return etcd && etcdctl ? { etcd, etcdctl, ...(etcdutl ? { etcdutl } : {}) } : undefined;
}

async function findProgram(name: string, directories: readonly string[]): Promise<string | undefined> {
  for (const directory of directories) {
    const path = join(directory, name);
    try {
      await access(path, constants.X_OK);
      return await realpath(path);
    } catch {
      // Not there; the next directory may have it.
    }
  }
  return undefined;
}

async function findCached(cache: string): Promise<EtcdBinaries | undefined> {
  const versions = await readdir(cache).catch((): string[] => []);
  for (const version of versions
    .filter((name) => !name.startsWith("."))
    .sort()
    .reverse()) {
    const binaries = await findIn([join(cache, version, "usr", "bin")]);
    if (binaries) return binaries;
  }
  return undefined;
}

async function fetchPackages(cache: string): Promise<EtcdBinaries> {
  const failures: string[] = [];
  for (const names of packageNames) {
    try {
      return await fetchPackage(cache, names);
    } catch (error) {
      failures.push(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    }
  }
  throw new Error(`etcd is not installed and could not be fetched (${failures[0] ?? "apt"}): ${installHint}`);
}

async function fetchPackage(cache: string, names: readonly string[]): Promise<EtcdBinaries> {
  await mkdir(cache, { recursive: true });
  const files = await listPackageFiles(names).catch(async (error: unknown) => {
    if (process.getuid?.() !== 0) throw error;
    await run("apt-get", ["update", "--quiet"]);
    return listPackageFiles(names);
  });
  const [first = ""] = files;
  const target = join(cache, first.replace(/\.deb$/, ""));
  // Unpacked beside its place and renamed: another process may do the same at this moment.
  const work = await mkdtemp(join(cache, ".unpack-"));
  try {
    // As root, apt would download as user _apt, who may not write here.
    await run("apt-get", ["download", "--quiet", "-o", "APT::Sandbox::User=root", ...names], { cwd: work });
    const tree = join(work, "tree");
    for (const file of (await readdir(work)).filter((name) => name.endsWith(".deb")))
      await run("dpkg", ["-x", join(work, file), tree]);
    await rename(tree, target).catch(() => undefined);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const binaries = await findIn([join(target, "usr", "bin")]);
  if (!binaries) throw new Error(`the packages ${names.join(" and ")} hold no etcd and etcdctl`);
  return binaries;
}

/** Names of the package files with their versions; fails where apt knows no such package. */
async function listPackageFiles(names: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await run("apt-get", ["download", "--print-uris", ...names]);
  const files = [...stdout.matchAll(/^'[^']*' (\S+\.deb) /gm)].map(([, file = ""]) => file);
  if (files.length < names.length) throw new Error(`apt knows no package ${names.join(" or ")}`);
  return files;
}
