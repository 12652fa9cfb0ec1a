import type { Clock, Log, ManagementCluster, ObjectRef, SnapshotStore } from "../ports.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import type { DrillPhase, DrillRecord } from "../snapshots/drill-record.ts";
import type { LatestOf, LatestStore } from "../snapshots/latest.ts";
import type { SnapshotUri } from "../snapshots/location.ts";
import type { Pins } from "../snapshots/pins.ts";
import type { RunInfo } from "../snapshots/record.ts";
import type { OpenSpool } from "../snapshots/spool.ts";
import type { ProofReport } from "../snapshots/whole-proof.ts";

/** The parts of the world that a drill needs: of the cluster it changes nothing but its own pod. */
export interface DrillWorld {
  readonly cluster: ManagementCluster;
  readonly store: LatestStore &
    Pick<SnapshotStore, "findObject" | "putNewObject" | "findCredentialsExpiry" | "signUrl" | "tryUrl">;
  readonly clock: Clock;
  readonly log: Log;
  readonly openSpool: OpenSpool;
  readonly signal: AbortSignal;
  readonly run: RunInfo;
  /** Of this action. */
  readonly version: string;
  /** Called with a secret before anything could print it: a signed URL, or the bytes of a key. */
  readonly onSecret: (value: string | Buffer) => void;
  /** Called before the pod is made: the post step of a run that was killed removes it. */
  readonly remember: (pod: NamedPod) => void;
}

export interface DrillRequest {
  readonly hostedCluster: ObjectRef;
  readonly snapshot: SnapshotUri | LatestOf;
  /** The raw bytes, at most two. */
  readonly encryptionKeys: readonly Buffer[];
  /** Private keys of age, for the keys that are sealed beside the snapshot; not used where `encryptionKeys` has one. */
  readonly identities: readonly string[];
  readonly pins: Pins;
  /** Absent: a snapshot of any age. */
  readonly maxAgeMs?: number;
  /** Of the pod. */
  readonly namespace: string;
  /** From the making of the pod to the last answer. */
  readonly timeoutMs: number;
  /** As the release restores, or in both ways one after the other. */
  readonly scripts: "release" | "both";
}

/** The pod of one drill: its name is that of every drill, and its nonce is in an annotation. */
export interface NamedPod {
  readonly namespace: string;
  readonly name: string;
  readonly nonce: string;
}

/** The outcome, from the moment each part of it is known. */
export interface DrillReport extends ProofReport {
  /** The image of etcd that the hosted cluster runs. */
  image?: string;
  scripts?: readonly RestoreScript[];
  phases: readonly DrillPhase[];
  /** Whether the pod is known to be gone; undefined where none was made. */
  podGone?: boolean;
  /** What an API server said on the restored etcd. */
  secrets?: DrillRecord["secrets"];
  /** The drills of this cluster before this one, the newest first. */
  earlier: readonly DrillRecord[];

  /** The measured RTO of the data; set with `drillUri` when all was shown. */
  rtoSeconds?: number;
  drillUri?: string;
}

export function createDrillReport(): DrillReport {
  return { phases: [], earlier: [] };
}
