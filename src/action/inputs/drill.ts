import type { StoreSettings } from "../../adapters/s3/client.ts";
import type { DrillRequest } from "../../drill/world.ts";
import { readCluster, type ClusterInputs } from "./cluster.ts";
import { readAgeIdentities, readEncryptionKeys } from "./keys.ts";
import type { Given, ReadInput } from "./names.ts";
import { findMaxAge, findNamedBucket, readPins, readSnapshotUri } from "./snapshot.ts";
import { listStoreOptOuts, readSigningStore } from "./store.ts";
import { findChoice, findText, invalidInput, readDuration, readFields, refuseTrue } from "./value.ts";

export interface DrillInputs {
  readonly cluster: ClusterInputs;
  readonly store: StoreSettings;
  readonly request: DrillRequest;
}

const scriptChoices = ["release", "both"] as const;

/** Nothing is contacted. Throws all that is wrong at once; see readFields. */
export function readDrillInputs(given: Given): DrillInputs {
  const { read } = given;
  const { cluster, store, request } = readFields({
    cluster: () => readCluster(given),
    store: () => readSigningStore(given, findNamedBucket(read)),
    dryRun: () => {
      refuseTrue(read, "dry-run", {
        rule: "absent in drill",
        hint: "a drill changes nothing but its own pod: verify proves a snapshot without one",
      });
    },
    unrecorded: () => {
      refuseTrue(read, "allow-unrecorded", {
        rule: "absent in drill",
        hint: "without a record nobody knows what the snapshot must answer",
      });
    },
    request: () =>
      readFields({
        snapshot: () => readSnapshotUri(read),
        encryptionKeys: () => readEncryptionKeys(read),
        identities: () => readAgeIdentities(read),
        pins: () => readPins(read),
        maxAgeMs: () => findMaxAge(read),
        namespace: () => readNamespace(read),
        timeoutMs: () => readDuration(read, "drill-timeout", { fallback: "15m", shortest: "2m", longest: "6h" }),
        scripts: () => findChoice(read, "drill-scripts", scriptChoices) ?? "release",
      }),
  });
  return { cluster, store, request: { hostedCluster: cluster.hostedCluster, ...request } };
}

/** One sentence for each safety that these inputs switch off, for a warning. */
export function listDrillOptOuts({ store }: DrillInputs): readonly string[] {
  return listStoreOptOuts(store);
}

function readNamespace(read: ReadInput): string {
  const namespace = findText(read, "drill-namespace") ?? "etcd-restore-drill";
  if (namespace.length <= 63 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(namespace)) return namespace;
  throw invalidInput("drill-namespace", namespace, {
    rule: "a name of at most 63 lower-case letters, digits and hyphens",
    hint: "give the namespace that docs/rbac.yaml made for drills, or leave it out for etcd-restore-drill",
  });
}
