import { ActionError } from "../errors.ts";

/** The error for a file that is not a whole snapshot of etcd; `found` says which structure is wrong, and how. */
export function invalidSnapshot(found: string): ActionError {
  return new ActionError("snapshot-invalid", `the file is not a whole snapshot of etcd: ${found}`, {
    hint: "do not restore from this file; make a new backup, and look at the disk of the member that it came from",
  });
}
