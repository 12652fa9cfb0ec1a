import { renderedManifest } from "../fakes/rendered-manifest.ts";
import { encodeSecret } from "../fakes/runner/leaks.ts";
import { listSignatures, listStepSecrets } from "../fakes/step-secrets.ts";
import type { World } from "../fakes/world.ts";
import type { WorkflowOptions, WorkflowResult } from "./act.ts";

type Settings = Pick<WorkflowOptions, "secrets" | "vars">;

/** Secrets and variables of a GitHub repository, as the examples name them. */
export function repositorySettings(world: World): Settings {
  const { kubeconfig = "", ...inputs } = world.backupInputs();
  const base64 = Buffer.from(kubeconfig).toString("base64");
  return {
    secrets: {
      MANAGEMENT_KUBECONFIG: base64,
      UPGRADE_KUBECONFIG: base64,
      CREATE_KUBECONFIG: base64,
      BACKUP_KEY_ID: world.account.accessKeyId,
      BACKUP_KEY: world.account.secretAccessKey,
      RESTORE_KEY_ID: world.account.accessKeyId,
      RESTORE_KEY: world.account.secretAccessKey,
      ETCD_ENCRYPTION_KEY: world.cluster.aesKey.toString("base64"),
    },
    vars: {
      BACKUP_BUCKET: world.bucket,
      BACKUP_PREFIX: inputs["s3-prefix"] ?? "",
      BACKUP_REGION: inputs["s3-region"] ?? "",
      BACKUP_ENDPOINT: world.store.endpoint,
    },
  };
}

/** The two files of a pull request that recreates the cluster of a world from a snapshot. */
export function recreationFiles(world: World, snapshotUri: string): Readonly<Record<string, string>> {
  return {
    "clusters/example/cluster.yaml": renderedManifest(world.cluster.hostedCluster()),
    "clusters/example/snapshot-uri": `${snapshotUri}\n`,
  };
}

/** Names of the secrets that a log shows in any encoding, signatures of URLs among them. */
export function findSecrets(world: World, { log }: WorkflowResult): readonly string[] {
  const { aesKey } = world.cluster;
  const key = { "AES key": aesKey, "AES key as text": aesKey.toString("base64") };
  const secrets = { ...listStepSecrets(world.backupInputs()), ...key };
  const needles = Object.entries(secrets).flatMap(([name, secret]) => encodeSecret(name, secret));
  const shown = needles.filter(({ bytes }) => Buffer.from(log).includes(bytes)).map(({ secret }) => secret);
  return [...new Set([...shown, ...Object.keys(listSignatures(log))])];
}
