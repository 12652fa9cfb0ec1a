/** Which mode reads which input, by running the readers themselves. */
import { readBackupInputs } from "../src/action/inputs/backup.ts";
import { readDrillInputs } from "../src/action/inputs/drill.ts";
import { modeNames, type ModeName } from "../src/action/inputs/mode.ts";
import { inputNames, type Given, type InputName, type ReadInput } from "../src/action/inputs/names.ts";
import { readRecoverInputs } from "../src/action/inputs/recover.ts";
import { readRestoreRenderInputs } from "../src/action/inputs/restore-render.ts";
import { noteReads } from "../src/action/inputs/unread.ts";
import { readVerifyInputs } from "../src/action/inputs/verify.ts";
import { readVerifyRestoreInputs } from "../src/action/inputs/verify-restore.ts";
import { ActionError } from "../src/errors.ts";

export const readers: Readonly<Record<ModeName, (given: Given) => unknown>> = {
  backup: readBackupInputs,
  "restore-render": readRestoreRenderInputs,
  recover: readRecoverInputs,
  verify: readVerifyInputs,
  "verify-restore": readVerifyRestoreInputs,
  drill: readDrillInputs,
};

/**
 * The inputs that `mode` reads, where each has the value that `valueOf` gives; without it, all that it ever reads. Values
 * that are refused do not matter.
 */
export function listReadInputs(mode: ModeName, valueOf: (name: InputName) => string = setEvery): readonly InputName[] {
  const { noted, wasRead } = noteReads({ read: valueOf, unknown: [], environment: {} });
  readUntilRefused(mode, noted.read);
  return inputNames.filter(wasRead);
}

/** The modes that an input changes something in, in the order of the modes; a mode may read one only to refuse it. */
export function listModesOf(name: InputName): readonly ModeName[] {
  const isRefused = (mode: ModeName): boolean =>
    readUntilRefused(mode, (asked) => (asked === name ? "true" : setEvery(asked))).includes(`absent in ${mode}`);
  return modeNames.filter((mode) => listReadInputs(mode).includes(name) && !isRefused(mode));
}

/** What the reader says of the inputs; empty where it takes them. */
function readUntilRefused(mode: ModeName, read: ReadInput): string {
  try {
    readers[mode]({ read, unknown: [], environment: {} });
  } catch (error) {
    if (error instanceof ActionError) return error.message;
    throw error;
  }
  return "";
}

/** Values with which no mode stops before it has read everything. */
function setEvery(name: InputName): string {
  return complete[name] ?? "x";
}

const complete: Partial<Record<InputName, string>> = {
  kubeconfig: JSON.stringify({
    "current-context": "x",
    contexts: [{ name: "x", context: { cluster: "x", user: "x" } }],
    clusters: [{ name: "x", cluster: { server: "https://api.example.com:6443" } }],
    users: [{ name: "x", user: { token: "x" } }],
  }),
  "kubeconfig-context": "x",
  "hosted-cluster": "x",
  "dry-run": "false",
  "snapshot-uri": "s3://backups/a.db",
};
