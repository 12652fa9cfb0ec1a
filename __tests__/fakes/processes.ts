import { readdirSync, readFileSync } from "node:fs";

/** Ids of all processes of this machine; none where it does not tell. */
export function listProcesses(): readonly string[] {
  try {
    return readdirSync("/proc").filter((entry) => /^\d+$/.test(entry));
  } catch {
    return [];
  }
}

/** Ids of the processes whose environment has `text` in it; a NUL byte ends each of its entries. */
export function findByEnvironment(text: string): readonly string[] {
  return listProcesses().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(text);
    } catch {
      return false;
    }
  });
}
