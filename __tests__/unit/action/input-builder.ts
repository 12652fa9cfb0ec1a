import { ActionError } from "../../../src/errors.ts";
import { readBackupInputs, type BackupInputs } from "../../../src/action/inputs/backup.ts";
import type { Environment, Given, InputName } from "../../../src/action/inputs/names.ts";
import { readRecoverInputs, type RecoverInputs } from "../../../src/action/inputs/recover.ts";
import { readRestoreRenderInputs, type RestoreRenderInputs } from "../../../src/action/inputs/restore-render.ts";
import { readVerifyInputs, type VerifyInputs } from "../../../src/action/inputs/verify.ts";
import { readVerifyRestoreInputs, type VerifyRestoreInputs } from "../../../src/action/inputs/verify-restore.ts";
import { kubeconfigText } from "../kubeconfig/kubeconfig-text.ts";

export type GivenInputs = Partial<Record<InputName, string>>;

/** As the runner gives them: empty for what is not set. */
export function giving(inputs: GivenInputs, environment: Environment = {}): Given {
  return { read: (name) => inputs[name] ?? "", unknown: [], environment };
}

const clusterDefaults: GivenInputs = { kubeconfig: kubeconfigText(), "hosted-cluster": "example" };

const backupDefaults: GivenInputs = { ...clusterDefaults, "s3-bucket": "backups", "s3-region": "eu-central-1" };

const restoreDefaults: GivenInputs = {
  "snapshot-uri": "s3://backups/clusters/example/20261124T120000Z-0123abcd.db",
  manifest: "cluster.yaml",
  "s3-region": "eu-central-1",
};

export function parseBackup(overrides: GivenInputs = {}, env: Environment = {}): BackupInputs {
  return readBackupInputs(giving({ ...backupDefaults, ...overrides }, env));
}

export function parseRestore(overrides: GivenInputs = {}, env: Environment = {}): RestoreRenderInputs {
  return readRestoreRenderInputs(giving({ ...restoreDefaults, ...overrides }, env));
}

export function parseRecover(overrides: GivenInputs = {}, env: Environment = {}): RecoverInputs {
  return readRecoverInputs(giving({ ...clusterDefaults, ...overrides }, env));
}

export function parseVerify(overrides: GivenInputs = {}, env: Environment = {}): VerifyInputs {
  const { manifest: _, ...defaults } = restoreDefaults;
  return readVerifyInputs(giving({ ...defaults, ...overrides }, env));
}

export function parseVerifyRestore(overrides: GivenInputs = {}, env: Environment = {}): VerifyRestoreInputs {
  const { manifest: _, ...defaults } = restoreDefaults;
  return readVerifyRestoreInputs(giving({ ...clusterDefaults, ...defaults, ...overrides }, env));
}

/** The error with which `run` refuses; fails where it refuses nothing. */
export function refusal(run: () => unknown): ActionError {
  try {
    run();
  } catch (error) {
    if (error instanceof ActionError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
