import { readdirSync, readFileSync } from "node:fs";

/**
 * Id of a process in a pod whose containers have their address as POD_IP; undefined where there is none. `isIt` gets its
 * argv. Reads without waiting, since what is looked for may be gone a moment later.
 */
export function findPodProcess(address: string, isIt: (argv: readonly string[]) => boolean): number | undefined {
  const found = readdirSync("/proc").find((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const argv = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      return isIt(argv) && readFileSync(`/proc/${entry}/environ`, "utf8").split("\0").includes(`POD_IP=${address}`);
    } catch {
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
}
