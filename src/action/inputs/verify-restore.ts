import type { StoreSettings } from "../../adapters/s3/client.ts";
import type { VerifyRestoreRequest } from "../../verify-restore/world.ts";
import type { Kubeconfig } from "../../kubeconfig/context.ts";
import { readHostedCluster, readKubeconfig } from "./cluster.ts";
import { readAgeIdentities, readEncryptionKeys } from "./keys.ts";
import type { Given } from "./names.ts";
import { findNamedBucket, listUnrecordedOptOut, readPins, readSnapshotUri } from "./snapshot.ts";
import { listStoreOptOuts, readStore } from "./store.ts";
import { readBoolean, readFields, refuseTrue } from "./value.ts";

export interface VerifyRestoreInputs {
  /** Of the management cluster that has the restored cluster. */
  readonly kubeconfig: Kubeconfig;
  readonly store: StoreSettings;
  readonly request: VerifyRestoreRequest;
}

/** Nothing is contacted. Throws all that is wrong at once; see readFields. */
export function readVerifyRestoreInputs(given: Given): VerifyRestoreInputs {
  const { read } = given;
  const { kubeconfig, store, request } = readFields({
    kubeconfig: () => readKubeconfig(given),
    store: () => readStore(given, findNamedBucket(read)),
    dryRun: () => {
      refuseTrue(read, "dry-run", {
        rule: "absent in verify-restore, which changes nothing",
        hint: "leave dry-run out; only a file in an etcd pod is made, and removed again",
      });
    },
    request: () =>
      readFields({
        hostedCluster: () => readHostedCluster(read),
        snapshot: () => readSnapshotUri(read),
        encryptionKeys: () => readEncryptionKeys(read),
        identities: () => readAgeIdentities(read),
        pins: () => readPins(read),
        allowUnrecorded: () => readBoolean(read, "allow-unrecorded", false),
      }),
  });
  return { kubeconfig, store, request };
}

/** One sentence for each safety that these inputs switch off, for a warning. */
export function listVerifyRestoreOptOuts({ store, request }: VerifyRestoreInputs): readonly string[] {
  return [...listStoreOptOuts(store), ...listUnrecordedOptOut(request)];
}
