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
  return findByFile("environ", text);
}

/** Ids of the processes with `text` in their command line, of which a NUL byte ends each argument. */
export function findByCommand(text: string): readonly string[] {
  return findByFile("cmdline", text);
}

function findByFile(name: "environ" | "cmdline", text: string): readonly string[] {
  return listProcesses().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, "latin1").includes(text);
    } catch {
      return false;
    }
  });
}
