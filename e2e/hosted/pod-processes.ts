import { readFileSync } from "node:fs";
import { listProcesses } from "../../__tests__/world/processes.ts";

/**
 * Id of a process in a pod whose containers have their address as POD_IP; undefined where there is none. `isIt` gets its
 * argv; those that are `known` are passed over. Reads without waiting, since what is looked for may be gone in a moment.
 */
export function findPodProcess(
  address: string,
  isIt: (argv: readonly string[]) => boolean,
  known?: ReadonlySet<string>,
): number | undefined {
  const found = listProcesses().find((entry) => {
    if (known?.has(entry) === true) return false;
    try {
      const argv = readFileSync(`/proc/${entry}/cmdline`, "utf8").split("\0");
      return isIt(argv) && readFileSync(`/proc/${entry}/environ`, "utf8").split("\0").includes(`POD_IP=${address}`);
    } catch {
      return false;
    }
  });
  return found === undefined ? undefined : Number(found);
}
