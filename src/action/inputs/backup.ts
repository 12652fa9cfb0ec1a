import type { StoreSettings } from "../../adapters/s3/client.ts";
import type { BackupRequest } from "../../backup/world.ts";
import { readCluster, readFittingPrefix, type ClusterInputs } from "./cluster.ts";
import { readKeyRecipients } from "./keys.ts";
import type { Given } from "./names.ts";
import { findRetention } from "./retention.ts";
import { listStoreOptOuts, readPresignExpiry, readSigningStore } from "./store.ts";
import { findChoice, readBoolean, readDuration, readFields } from "./value.ts";

export interface BackupInputs {
  readonly cluster: ClusterInputs;
  readonly store: StoreSettings;
  readonly request: BackupRequest;
}

const memberChoices = ["one", "all"] as const;

/** Nothing is contacted. Throws all that is wrong at once; see readFields. */
export function readBackupInputs(given: Given): BackupInputs {
  const { read } = given;
  const { cluster, store, options } = readFields({
    cluster: () => readCluster(given),
    store: () => readSigningStore(given),
    options: () =>
      readFields({
        prefix: () => readFittingPrefix(read),
        quiesce: () => readBoolean(read, "quiesce", true),
        maxPauseMs: () => readDuration(read, "max-pause", { fallback: "15m", shortest: "4m", longest: "2h" }),
        recipients: () => readKeyRecipients(read),
        allowUnhealthy: () => readBoolean(read, "allow-unhealthy", false),
        members: () => findChoice(read, "members", memberChoices) ?? "one",
        dryRun: () => readBoolean(read, "dry-run", false),
        presign: () => readBoolean(read, "presign", true),
        presignExpiresInSeconds: () => readPresignExpiry(read),
        retention: () => findRetention(read),
      }),
  });
  return { cluster, store, request: { hostedCluster: cluster.hostedCluster, ...options } };
}

/** One sentence for each safety that these inputs switch off, for a warning. */
export function listBackupOptOuts({ store, request }: BackupInputs): readonly string[] {
  return [
    ...listStoreOptOuts(store),
    ...(request.allowUnhealthy ? ["allow-unhealthy: findings on the cluster's health do not stop this backup"] : []),
  ];
}
