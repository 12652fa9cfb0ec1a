import { buildToolSet, cacheFolderOf, type ToolSet } from "./go-tools.ts";

/** Folders with the programs, named as their packages are. */
export interface Binaries {
  /** kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl. */
  readonly kubernetes: string;
  /** etcd, etcdctl, etcdutl of the two release lines. */
  readonly etcd35: string;
  readonly etcd36: string;
  readonly pause: string;
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

const etcd37: ToolSet = { folder: "etcd-3.7", programs: etcdPrograms, ldflags: "-s -w" };

/** Everything that is built once and kept: programs and images. */
export const cacheFolder = cacheFolderOf("e2e");

/** Builds what is missing in the cache, one program after the other. Throws an Error of one line where Go is missing or fails. */
export async function buildBinaries(report: (line: string) => void): Promise<Binaries> {
  return {
    pause: await buildToolSet(toolSets.pause, cacheFolder, report),
    etcd35: await buildToolSet(toolSets.etcd35, cacheFolder, report),
    etcd36: await buildToolSet(toolSets.etcd36, cacheFolder, report),
    kubernetes: await buildToolSet(toolSets.kubernetes, cacheFolder, report),
  };
}

/** Folders with etcd, etcdctl and etcdutl of each release line that a hosted cluster has, or will have soon. */
export async function buildEtcdLines(report: (line: string) => void): Promise<Readonly<Record<EtcdLine, string>>> {
  return {
    "3.5": await buildToolSet(toolSets.etcd35, cacheFolder, report),
    "3.6": await buildToolSet(toolSets.etcd36, cacheFolder, report),
    "3.7": await buildToolSet(etcd37, cacheFolder, report),
  };
}

export type EtcdLine = "3.5" | "3.6" | "3.7";
