import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cniFolder } from "./cluster/node.ts";
import { runCommand } from "./command.ts";

const programs = ["containerd", "ctr", "runc", "debootstrap", "ip", "mount", "setpriv", "tar", "unshare"];
const plugins = ["bridge", "host-local", "loopback"].map((name) => join(cniFolder, name));
/** Of Kubernetes 1.34's go.mod. */
const oldestGoMinor = 24;
const packages = "containerd runc containernetworking-plugins debootstrap iproute2 util-linux";

/** Throws an Error of one line that says what this machine lacks for a cluster. */
export async function checkMachine(): Promise<void> {
  if (process.platform !== "linux") throw new Error("a management cluster needs Linux");
  if (process.getuid?.() !== 0) throw new Error("a management cluster needs root: run it as root, or with sudo");
  const missing: string[] = [];
  for (const program of programs) if (!(await isInPath(program))) missing.push(program);
  for (const plugin of plugins) if (!(await isExecutable(plugin))) missing.push(plugin);
  if (missing.length > 0) throw new Error(`missing: ${missing.join(", ")}; install Debian's packages ${packages}`);
  const [, minor] = /\bgo1\.(\d+)/.exec(await runCommand("go", ["version"]).catch(() => "")) ?? [];
  if (Number(minor ?? 0) < oldestGoMinor)
    throw new Error(`missing: Go 1.${String(oldestGoMinor)} or newer, as the program go in PATH`);
  await runCommand("unshare", [
    ...["--net", "--mount", "--pid", "--ipc", "--cgroup", "--fork", "--mount-proc"],
    ...["ip", "link", "add", "e2e0", "type", "bridge"],
  ]).catch((error: unknown) => {
    throw new Error(`namespaces or bridges are not usable here: ${error instanceof Error ? error.message : ""}`);
  });
}

async function isInPath(program: string): Promise<boolean> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter))
    if (folder !== "" && (await isExecutable(join(folder, program)))) return true;
  return false;
}

function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
