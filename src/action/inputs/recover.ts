import type { StoreSettings } from "../../adapters/s3/client.ts";
import { describeError, type ActionError } from "../../errors.ts";
import type { RecoverRequest } from "../../hold/dead-run.ts";
import { readCluster, readFittingPrefix, type ClusterInputs } from "./cluster.ts";
import type { Given } from "./names.ts";
import { isStoreGiven, readStore } from "./store.ts";
import { readFields, refuseTrue } from "./value.ts";

export interface RecoverInputs {
  readonly cluster: ClusterInputs;
  /** Absent: what dead runs left there stays. */
  readonly store?: StoreSettings;
  readonly request: RecoverRequest;
  /** An input of the store is wrong: the cluster is put back first, without the store, and then this is told. */
  readonly wrong?: ActionError;
}

/** Throws what is wrong with the inputs of the cluster; those of the store keep nothing from being put back. */
export function readRecoverInputs(given: Given): RecoverInputs {
  const { read } = given;
  const { cluster } = readFields({
    cluster: () => readCluster(given),
    dryRun: () => {
      refuseTrue(read, "dry-run", {
        rule: "absent in recover, which changes what it finds",
        hint: "leave dry-run out; a run that is alive is left alone in any case",
      });
    },
  });
  try {
    const { store, prefix } = readFields({
      store: () => (isStoreGiven(given) ? readStore(given) : undefined),
      prefix: () => readFittingPrefix(read),
    });
    const request = { hostedCluster: cluster.hostedCluster, prefix };
    return { cluster, request, ...(store === undefined ? {} : { store }) };
  } catch (error) {
    return { cluster, request: { hostedCluster: cluster.hostedCluster, prefix: "" }, wrong: describeError(error) };
  }
}
