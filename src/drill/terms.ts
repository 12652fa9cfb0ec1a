import type { RestoreScript } from "../hypershift/restore-script.ts";
import type { DrillRecord } from "../snapshots/drill-record.ts";
import type { Proven, StoredSubject } from "../snapshots/whole-proof.ts";
import type { LivingCluster } from "./living-cluster.ts";
import type { DrillRequest } from "./world.ts";

/** All that is known before the pod is made. */
export interface Terms {
  readonly request: DrillRequest;
  readonly living: LivingCluster;
  readonly proven: Proven<StoredSubject>;
  readonly scripts: readonly RestoreScript[];
}

/** What a restored etcd, and the API server on it, have shown. */
export interface Shown {
  readonly etcdVersion: string;
  readonly liveKeys: number;
  readonly secrets: DrillRecord["secrets"];
}
