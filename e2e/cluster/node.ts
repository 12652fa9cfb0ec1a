import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Binaries } from "../binaries.ts";
import { imageNames } from "../images.ts";
import { addresses, nodeName, type Layout } from "./layout.ts";
import type { ProgramPlan } from "./processes.ts";

/** Where Debian's containernetworking-plugins puts them. */
export const cniFolder = "/usr/lib/cni";

/** containerd with nothing shared with one that the machine may have. */
export async function planContainerd(layout: Layout): Promise<ProgramPlan> {
  const cniConfig = join(layout.config, "cni");
  await mkdir(cniConfig, { recursive: true });
  await writeFile(join(cniConfig, "10-bridge.conflist"), JSON.stringify(bridgeNetwork(layout)));
  const config = join(layout.config, "containerd.toml");
  await writeFile(
    config,
    `version = 2
root = "${join(layout.work, "containerd")}"
state = "/run/e2e-containerd"
[grpc]
  address = "${layout.containerdSocket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${join(layout.work, "containerd-opt")}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${imageNames.pause}"
  # Raising a process above its parent's score needs a capability that a container of a CI machine may not have.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${cniFolder}"
    conf_dir = "${cniConfig}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`,
  );
  return { name: "containerd", command: "containerd", args: ["--config", config] };
}

function bridgeNetwork(layout: Layout): unknown {
  return {
    cniVersion: "0.4.0",
    name: "e2e",
    plugins: [
      {
        type: "bridge",
        bridge: addresses.bridge,
        isGateway: false,
        ipam: {
          type: "host-local",
          dataDir: join(layout.work, "cni"),
          ranges: [[{ subnet: addresses.pods, rangeStart: "10.89.1.1", gateway: addresses.node }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "loopback" },
    ],
  };
}

export async function planKubelet(layout: Layout, binaries: Binaries): Promise<ProgramPlan> {
  const pki = (name: string): string => join(layout.pki, name);
  const resolver = join(layout.config, "resolv.conf");
  await writeFile(resolver, `nameserver ${addresses.node}\n`);
  const none = { "memory.available": "1Mi", "nodefs.available": "1Mi", "imagefs.available": "1Mi" };
  const config = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    address: addresses.node,
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: pki("ca.crt") } },
    authorization: { mode: "AlwaysAllow" },
    tlsCertFile: pki("kubelet-server.crt"),
    tlsPrivateKeyFile: pki("kubelet-server.key"),
    cgroupDriver: "cgroupfs",
    cgroupsPerQOS: false,
    enforceNodeAllocatable: [],
    failCgroupV1: false,
    failSwapOn: false,
    makeIPTablesUtilChains: false,
    evictionHard: { ...none, "nodefs.inodesFree": "1", "imagefs.inodesFree": "1" },
    imageGCHighThresholdPercent: 100,
    clusterDNS: [addresses.node],
    clusterDomain: "cluster.local",
    resolvConf: resolver,
    maxPods: 50,
    registryPullQPS: 0,
    nodeStatusUpdateFrequency: "2s",
  };
  const file = join(layout.config, "kubelet.json");
  await writeFile(file, JSON.stringify(config));
  return {
    name: "kubelet",
    command: join(binaries.kubernetes, "kubelet"),
    args: [
      `--config=${file}`,
      `--kubeconfig=${pki("kubelet.kubeconfig")}`,
      `--hostname-override=${nodeName}`,
      `--node-ip=${addresses.node}`,
      `--root-dir=${join(layout.work, "kubelet")}`,
      "--v=2",
    ],
  };
}
