import type { Survivors } from "../etcd/survivors.ts";
import type { RestoreScript } from "../hypershift/restore-script.ts";
import type { Clock, Log, ManagementCluster, ObjectRef, SnapshotStore } from "../ports.ts";
import type { LatestOf, LatestStore } from "../snapshots/latest.ts";
import type { SnapshotUri } from "../snapshots/location.ts";
import type { Pins } from "../snapshots/pins.ts";
import type { OpenSpool } from "../snapshots/spool.ts";
import type { ProofReport } from "../snapshots/whole-proof.ts";

/** A file that this run may leave in a pod when it is killed. */
export interface LeftFile {
  readonly pod: ObjectRef;
  readonly nonce: string;
}

/** The parts of the world that a look at a restored cluster needs; it writes nothing to the store. */
export interface VerifyRestoreWorld {
  readonly cluster: ManagementCluster;
  readonly store: LatestStore & Pick<SnapshotStore, "findObject">;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with the bytes of a key before anything could print them. */
  readonly onSecret: (value: Buffer) => void;
  readonly openSpool: OpenSpool;
  /** Called before a file is made in a pod, for the post step of a run that is killed. */
  readonly remember: (file: LeftFile) => void;
  /** Called when it is gone. */
  readonly forget: () => void;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

export interface VerifyRestoreRequest {
  /** The cluster that is there now. */
  readonly hostedCluster: ObjectRef;
  readonly snapshot: SnapshotUri | LatestOf;
  /** The raw bytes, at most two; with none, encrypted values of the stored snapshot are counted and not opened. */
  readonly encryptionKeys: readonly Buffer[];
  /** Private keys of age, for the keys that are sealed beside the snapshot; not used where `encryptionKeys` has one. */
  readonly identities: readonly string[];
  readonly pins: Pins;
  readonly allowUnrecorded: boolean;
}

/** The facts that have become true so far; outputs and summary are made of them, also of a run that failed. */
export interface VerifyRestoreReport extends ProofReport {
  /** How etcd was restored, as its ids and its revision tell. */
  script?: RestoreScript;
  /** The members that were asked, a line each. */
  members?: readonly string[];
  /** What the members' HashKV shows, in words. */
  hashKv?: string;
  /** Of the member that was read. */
  livingRevision?: number;
  survivors?: Survivors;
  apiServerReady?: boolean;
  /** HyperShift's conditions that are not as in a cluster that is well, a line each. */
  conditions?: readonly string[];
  /** What is left to do on this platform, a line each. */
  left?: readonly string[];
}

export function createVerifyRestoreReport(): VerifyRestoreReport {
  return {};
}
