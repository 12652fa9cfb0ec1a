import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, type Binaries } from "./binaries.ts";
import { runCommand } from "./command.ts";
import { openStoreAuthority } from "./store-authority.ts";

/** Names by which pods call the images; no registry has them. */
export const imageNames = {
  etcd35: "localhost/e2e/etcd:3.5",
  etcd36: "localhost/e2e/etcd:3.6",
  kubeApiserver: "localhost/e2e/kube-apiserver:1.34",
  pause: "localhost/e2e/pause:1",
} as const;

/** What is known to be in HyperShift's etcd image beside etcd: a shell, coreutils, and curl for etcd-init. */
const keptPackages = ["coreutils", "curl"];
const keptPrograms = ["usr/bin/sh", "usr/bin/dash"];
const keptFolders = ["bin", "sbin", "lib", "lib64", "usr/lib", "usr/lib64", "etc/ssl", "etc/passwd", "etc/group"];
const emptyFolders = ["dev", "proc", "sys", "tmp", "run", "var", "home", "root"];

/**
 * One docker-archive with every image, made from Debian's packages and the programs when it is not in the cache. Throws an
 * Error of one line.
 */
export async function buildImages(binaries: Binaries, report: (line: string) => void): Promise<string> {
  const base = await buildBaseLayer(report);
  const { certificate: authority } = await openStoreAuthority();
  const recipe = JSON.stringify([binaries, base, imageNames, keptPackages, authority]);
  const target = join(cacheFolder, `images-${createHash("sha256").update(recipe).digest("hex").slice(0, 12)}.tar`);
  if (await exists(target)) return target;
  const startedMs = performance.now();
  const work = await mkdtemp(join(cacheFolder, ".images-"));
  try {
    const tools = ["etcd", "etcdctl", "etcdutl"];
    const trust = await buildTrustLayer(work, base, authority);
    const images: readonly Image[] = [
      { name: imageNames.etcd35, layers: [base, trust, await buildLayer(work, "etcd35", binaries.etcd35, tools)] },
      { name: imageNames.etcd36, layers: [base, trust, await buildLayer(work, "etcd36", binaries.etcd36, tools)] },
      {
        name: imageNames.kubeApiserver,
        layers: [base, await buildLayer(work, "kube", binaries.kubernetes, ["kube-apiserver"])],
      },
      { name: imageNames.pause, layers: [await buildLayer(work, "pause", binaries.pause, ["pause"])] },
    ];
    await writeArchive(work, images, join(work, "images.tar"));
    await rename(join(work, "images.tar"), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  report(`built ${target} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return target;
}

async function buildBaseLayer(report: (line: string) => void): Promise<string> {
  const release = /^VERSION_CODENAME=(\S+)$/m.exec(await readFile("/etc/os-release", "utf8"))?.[1] ?? "stable";
  const target = join(cacheFolder, `base-${release}.tar`);
  if (await exists(target)) return target;
  const startedMs = performance.now();
  await mkdir(cacheFolder, { recursive: true });
  const work = await mkdtemp(join(cacheFolder, ".base-"));
  const tree = join(work, "tree");
  try {
    await runCommand("debootstrap", ["--variant=minbase", "--include=curl,ca-certificates", release, tree]);
    const lists = await Promise.all(
      keptPackages.map((name) => readFile(join(tree, "var/lib/dpkg/info", `${name}.list`), "utf8")),
    );
    const programs = lists
      .flatMap((list) => list.split("\n"))
      .map((path) => /^\/(?:usr\/)?(s?bin\/.+)$/.exec(path)?.[1])
      .filter((path) => path !== undefined)
      .map((path) => `usr/${path}`);
    const members = [...keptFolders, ...keptPrograms, ...programs];
    const list = join(work, "members");
    await writeFile(list, [...emptyFolders, ...members].join("\n"));
    const exclude = emptyFolders.map((folder) => `--exclude=${folder}/*`);
    await runCommand("tar", ["-C", tree, ...reproducible, ...exclude, "-cf", join(work, "base.tar"), "-T", list]);
    await rename(join(work, "base.tar"), target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  report(`built ${target} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return target;
}

const reproducible = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0"];

async function buildLayer(work: string, name: string, folder: string, programs: readonly string[]): Promise<string> {
  const layer = join(work, `${name}.tar`);
  await runCommand("tar", [...["-C", folder, ...reproducible, "--transform=s,^,usr/bin/,", "-cf", layer], ...programs]);
  return layer;
}

/** The image's bundle of authorities, with that of the object stores of tests. */
async function buildTrustLayer(work: string, base: string, authority: string): Promise<string> {
  const bundle = "etc/ssl/certs/ca-certificates.crt";
  const tree = join(work, "trust");
  await mkdir(tree);
  await runCommand("tar", ["-C", tree, "-xf", base, bundle]);
  await appendFile(join(tree, bundle), `${authority}\n`);
  const layer = join(work, "trust.tar");
  await runCommand("tar", ["-C", tree, ...reproducible, "-cf", layer, bundle]);
  return layer;
}

interface Image {
  readonly name: string;
  readonly layers: readonly string[];
}

/** The format that `docker save` writes: manifest.json, a config for each image, the layers named by their digests. */
async function writeArchive(work: string, images: readonly Image[], target: string): Promise<void> {
  const tree = join(work, "archive");
  await mkdir(tree);
  const manifest: unknown[] = [];
  for (const { name, layers } of images) {
    const digests: string[] = [];
    for (const layer of layers) {
      const digest = await sha256(layer);
      digests.push(digest);
      await runCommand("cp", ["--reflink=auto", layer, join(tree, `${digest}.tar`)]);
    }
    const config = JSON.stringify({
      architecture: process.arch === "x64" ? "amd64" : process.arch,
      os: "linux",
      config: { Env: ["PATH=/usr/bin:/usr/sbin"], ...(name === imageNames.pause ? { Cmd: ["/usr/bin/pause"] } : {}) },
      rootfs: { type: "layers", diff_ids: digests.map((digest) => `sha256:${digest}`) },
      history: digests.map(() => ({ created_by: "e2e" })),
    });
    const configName = `${createHash("sha256").update(config).digest("hex")}.json`;
    await writeFile(join(tree, configName), config);
    manifest.push({ Config: configName, RepoTags: [name], Layers: digests.map((digest) => `${digest}.tar`) });
  }
  await writeFile(join(tree, "manifest.json"), JSON.stringify(manifest));
  await runCommand("tar", ["-C", tree, "-cf", target, "."]);
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
