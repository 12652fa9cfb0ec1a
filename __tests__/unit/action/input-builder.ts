import {
  parseInputs,
  type BackupInputs,
  type Inputs,
  type RecoverInputs,
  type RestoreRenderInputs,
} from "../../../src/action/inputs.ts";
import type { Environment, InputName } from "../../../src/action/input-names.ts";

export type GivenInputs = Partial<Record<InputName, string>>;

/** As core.getInput reads: empty for what is not set. */
export function reading(given: GivenInputs): (name: string) => string {
  const values = new Map<string, string>(Object.entries(given));
  return (name) => values.get(name) ?? "";
}

const backupDefaults: GivenInputs = {
  mode: "backup",
  kubeconfig: "apiVersion: v1\nkind: Config",
  "hosted-cluster": "example",
  "s3-bucket": "backups",
  "s3-region": "eu-central-1",
};

const restoreDefaults: GivenInputs = {
  mode: "restore-render",
  "snapshot-uri": "s3://backups/clusters/example/20261124T120000Z-0123abcd.db",
  manifest: "cluster.yaml",
  "s3-region": "eu-central-1",
};

const recoverDefaults: GivenInputs = {
  mode: "recover",
  kubeconfig: "apiVersion: v1\nkind: Config",
  "hosted-cluster": "example",
};

export function parse(given: GivenInputs, env: Environment = {}): Inputs {
  return parseInputs(reading(given), env);
}

export function parseBackup(overrides: GivenInputs = {}, env: Environment = {}): BackupInputs {
  const inputs = parse({ ...backupDefaults, ...overrides }, env);
  if (inputs.mode !== "backup") throw new Error("not a backup");
  return inputs;
}

export function parseRestore(overrides: GivenInputs = {}, env: Environment = {}): RestoreRenderInputs {
  const inputs = parse({ ...restoreDefaults, ...overrides }, env);
  if (inputs.mode !== "restore-render") throw new Error("not a restore-render");
  return inputs;
}

export function parseRecover(overrides: GivenInputs = {}, env: Environment = {}): RecoverInputs {
  const inputs = parse({ ...recoverDefaults, ...overrides }, env);
  if (inputs.mode !== "recover") throw new Error("not a recover");
  return inputs;
}
