import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { listAt, stringAt } from "../../src/json-path.ts";
import type { Binaries } from "../binaries.ts";
import { runCommand } from "../command.ts";
import { waitUntil } from "../wait.ts";
import { applyCrds } from "./crds.ts";
import { planApiServer, planControllers } from "./control-plane.ts";
import { createAdminClient, type KubeClient } from "./kube-client.ts";
import { addresses, nodeName, type Layout } from "./layout.ts";
import { planContainerd, planKubelet } from "./node.ts";
import { writePki } from "./pki.ts";
import { startProgram } from "./processes.ts";

export interface ClusterParts {
  readonly binaries: Binaries;
  /** A docker-archive with the images of the pods. */
  readonly images: string;
  readonly report: (line: string) => void;
}

/** Folders of the machine that kubelet and containerd write to whatever their configuration says. */
const coveredFolders = ["/var/lib", "/var/log"];

/**
 * Starts the management cluster in the namespaces of this process and returns when its node is ready. Nothing stops it:
 * its processes, mounts and network end with the namespaces.
 */
export async function startCluster(layout: Layout, parts: ClusterParts): Promise<void> {
  const startedMs = performance.now();
  for (const folder of [layout.pki, layout.config, layout.logs, layout.processes, layout.volumes])
    await mkdir(folder, { recursive: true });
  await coverFolders(layout);
  await createNetwork();
  await writePki(layout);
  await startProgram(layout, await planContainerd(layout));
  for (const plan of await planApiServer(layout, parts.binaries)) await startProgram(layout, plan);
  await importImages(layout, parts.images);
  const admin = await createAdminClient(layout);
  await waitUntil("the API server is ready", () => isReady(admin), { timeoutMs: 120_000 });
  for (const plan of planControllers(layout, parts.binaries)) await startProgram(layout, plan);
  await startProgram(layout, await planKubelet(layout, parts.binaries));
  await waitUntil("the node is ready", () => isNodeReady(admin), { timeoutMs: 120_000 });
  const origin = await applyCrds(admin);
  admin.close();
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  parts.report(`management cluster ready in ${seconds} s, with ${origin} CRDs`);
}

/** What is written below these folders lands in the run's own, in this mount namespace only. */
async function coverFolders(layout: Layout): Promise<void> {
  // Where systemd runs, /run holds links that point to the machine's resolver and sockets; a node needs none of them.
  await runCommand("mount", ["-t", "tmpfs", "tmpfs", "/run"]);
  for (const folder of coveredFolders) {
    const [upper, scratch] = ["upper", "scratch"].map((name) => join(layout.work, "covers", folder, name));
    for (const made of [upper, scratch]) await mkdir(made ?? "", { recursive: true });
    const options = `lowerdir=${folder},upperdir=${upper ?? ""},workdir=${scratch ?? ""}`;
    await runCommand("mount", ["-t", "overlay", "-o", options, "overlay", folder]);
  }
}

/** A bridge, since kubelet refuses a loopback address; and a default route, which it looks for. */
async function createNetwork(): Promise<void> {
  const { bridge, node, pods } = addresses;
  const ip = (line: string): Promise<string> => runCommand("ip", line.split(" "));
  await ip("link set lo up");
  await ip(`link add ${bridge} type bridge`);
  await ip(`addr add ${node}/${pods.split("/")[1] ?? ""} dev ${bridge}`);
  await ip(`link set ${bridge} up`);
  await ip(`route add default dev ${bridge}`);
}

async function importImages(layout: Layout, images: string): Promise<void> {
  const ctr = ["--address", layout.containerdSocket, "--namespace", "k8s.io"];
  await waitUntil("containerd answers", () => runCommand("ctr", [...ctr, "version"]), { timeoutMs: 60_000 });
  await runCommand("ctr", [...ctr, "images", "import", images]);
}

async function isReady(admin: KubeClient): Promise<boolean> {
  await admin.call("GET", "/readyz");
  return true;
}

async function isNodeReady(admin: KubeClient): Promise<boolean> {
  const node = await admin.find("Node", "", nodeName);
  return listAt(node, "status", "conditions").some(
    (condition) => stringAt(condition, "type") === "Ready" && stringAt(condition, "status") === "True",
  );
}
