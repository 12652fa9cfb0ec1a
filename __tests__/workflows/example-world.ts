import { readFileSync } from "node:fs";
import { renderedManifest } from "../world/rendered-manifest.ts";
import { encodeSecret } from "../world/runner/leaks.ts";
import { ageIdentity, ageRecipient } from "../world/sealing.ts";
import { listSignatures, listStepSecrets } from "../world/step-secrets.ts";
import type { World } from "../world/world.ts";
import type { Account } from "../world/object-store/accounts.ts";
import type { WorkflowOptions, WorkflowResult } from "./act.ts";
import type { RoleSession } from "./stand-ins.ts";

type Settings = Pick<WorkflowOptions, "secrets" | "vars" | "roles">;
const backupRole = "arn:aws:iam::111122223333:role/backup";
const restoreRole = "arn:aws:iam::111122223333:role/restore";

const pullSecret = `{"auths":{"registry.example":{"auth":"${Buffer.from("example:pull").toString("base64")}"}}}`;

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
      SIGNING_KEY_ID: world.reader.accessKeyId,
      SIGNING_KEY: world.reader.secretAccessKey,
      ETCD_ENCRYPTION_KEY: world.cluster.aesKey.toString("base64"),
      ETCD_BACKUP_IDENTITY: ageIdentity,
      PULL_SECRET: pullSecret,
      SSH_PUBLIC_KEY: "ssh-ed25519 AAAA example",
    },
    vars: {
      BACKUP_BUCKET: world.bucket,
      BACKUP_PREFIX: inputs["s3-prefix"] ?? "",
      BACKUP_REGION: inputs["s3-region"] ?? "",
      BACKUP_ENDPOINT: world.store.endpoint,
      BACKUP_AUTHORITY: readFileSync(world.env["NODE_EXTRA_CA_CERTS"] ?? "", "utf8"),
      BACKUP_KMS_KEY: "alias/snapshots",
      BACKUP_ROLE: backupRole,
      RESTORE_ROLE: restoreRole,
      ETCD_KEY_RECIPIENTS: ageRecipient,
    },
    roles: {
      [backupRole]: openSession(world, "BACKUP", world.store.accounts.get(world.account.accessKeyId)?.actions ?? []),
      [restoreRole]: openSession(world, "RESTORE", ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"]),
    },
  };
}

/** A key as a role gives it, with a token of the length that those of AWS have: a URL that it signs is too long for HyperShift. */
function openSession(world: World, name: string, actions: Account["actions"]): RoleSession {
  const session = {
    accessKeyId: `ASIA${name.padEnd(16, "0")}`,
    secretAccessKey: `${name}+Session/Secret=00000000000000001`,
    sessionToken: `${name}/token+`.padEnd(900, "0"),
  };
  world.store.accounts.set(session.accessKeyId, { ...session, actions });
  return session;
}

/** The files by which a pull request recreates the cluster of a world from a snapshot; the last one is empty without one. */
export function recreationFiles(world: World, snapshotUri: string): Readonly<Record<string, string>> {
  return {
    "clusters/example/cluster.yaml": renderedManifest(world.cluster.hostedCluster()),
    "clusters/example/rbac.yaml": readFileSync(new URL("../../docs/rbac.yaml", import.meta.url), "utf8"),
    "clusters/example/snapshot-uri": `${snapshotUri}\n`,
  };
}

/** Names of the secrets that a log shows in any encoding, signatures of URLs among them. */
export function findSecrets(world: World, { log }: WorkflowResult): readonly string[] {
  const { aesKey } = world.cluster;
  const key = { "AES key": aesKey, "AES key as text": aesKey.toString("base64") };
  const accounts = Object.fromEntries(
    [...world.store.accounts.values()].flatMap(({ accessKeyId, secretAccessKey, sessionToken }) => [
      [`secret of ${accessKeyId}`, secretAccessKey],
      ...(sessionToken === undefined ? [] : [[`token of ${accessKeyId}`, sessionToken]]),
    ]),
  ) as Readonly<Record<string, string>>;
  const secrets = {
    ...listStepSecrets(world.backupInputs()),
    ...key,
    ...accounts,
    identity: ageIdentity,
    "pull secret": pullSecret,
  };
  const needles = Object.entries(secrets).flatMap(([name, secret]) => encodeSecret(name, secret));
  const shown = needles.filter(({ bytes }) => Buffer.from(log).includes(bytes)).map(({ secret }) => secret);
  return [...new Set([...shown, ...Object.keys(listSignatures(log))])];
}
