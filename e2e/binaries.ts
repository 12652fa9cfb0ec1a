import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommand } from "./command.ts";

/** Folders with the programs, named as their packages are. */
export interface Binaries {
  /** kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl. */
  readonly kubernetes: string;
  /** etcd, etcdctl, etcdutl of the two release lines. */
  readonly etcd35: string;
  readonly etcd36: string;
  readonly pause: string;
}

interface ToolSet {
  readonly folder: string;
  readonly programs: Readonly<Record<string, string>>;
  readonly ldflags: string;
}

const kubernetesVersion = { gitVersion: "v1.34.4", gitMajor: "1", gitMinor: "34", gitTreeState: "clean" };
/** Without them the API server and its clients call themselves v0.0.0-master. */
const kubernetesLdflags = Object.entries(kubernetesVersion)
  .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
  .join(" ");

const etcdPrograms = {
  etcd: "go.etcd.io/etcd/server/v3",
  etcdctl: "go.etcd.io/etcd/etcdctl/v3",
  etcdutl: "go.etcd.io/etcd/etcdutl/v3",
};
const toolSets = {
  etcd35: { folder: "etcd-3.5", programs: etcdPrograms, ldflags: "-s -w" },
  etcd36: { folder: "etcd-3.6", programs: etcdPrograms, ldflags: "-s -w" },
  kubernetes: {
    folder: "kubernetes",
    programs: Object.fromEntries(
      ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl"].map((name) => [
        name,
        `k8s.io/kubernetes/cmd/${name}`,
      ]),
    ),
    ldflags: `-s -w ${kubernetesLdflags}`,
  },
  pause: { folder: "pause", programs: { pause: "." }, ldflags: "-s -w" },
} satisfies Readonly<Record<keyof Binaries, ToolSet>>;

const toolsFolder = fileURLToPath(new URL("tools", import.meta.url));

/** Everything that is built once and kept: programs and images. Outside of the tree, as the user's caches are. */
export const cacheFolder = join(
  process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
  "hypershift-etcd-backup-action",
  "e2e",
);

/** Builds what is missing in the cache, one program after the other. Throws an Error of one line where Go is missing or fails. */
export async function buildBinaries(report: (line: string) => void): Promise<Binaries> {
  const goVersion = await runGo(["env", "GOVERSION"], toolsFolder).catch(() => {
    throw new Error("Go is not installed: install Go 1.24 or newer (the program `go` in PATH) and run again");
  });
  return {
    pause: await buildToolSet(toolSets.pause, goVersion, report),
    etcd35: await buildToolSet(toolSets.etcd35, goVersion, report),
    etcd36: await buildToolSet(toolSets.etcd36, goVersion, report),
    kubernetes: await buildToolSet(toolSets.kubernetes, goVersion, report),
  };
}

async function buildToolSet(set: ToolSet, goVersion: string, report: (line: string) => void): Promise<string> {
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

async function exists(path: string): Promise<boolean> {
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
