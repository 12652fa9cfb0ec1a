import type { Environment } from "../allowed-path.ts";
import type { Clock, Log, SnapshotStore } from "../ports.ts";
import type { LatestOf, LatestStore } from "../snapshots/latest.ts";
import type { SnapshotUri } from "../snapshots/location.ts";
import type { Pins } from "../snapshots/pins.ts";
import type { OpenSpool } from "../snapshots/spool.ts";
import type { ProofReport } from "../snapshots/whole-proof.ts";

/** The parts of the world that the proof of a snapshot needs; it writes nothing to the store. */
export interface VerifyWorld {
  readonly clock: Pick<Clock, "wallMs">;
  readonly log: Log;
  readonly environment: Environment;
  /** Called with the bytes of a key before anything could print them. */
  readonly onSecret: (value: Buffer) => void;
  readonly openSpool: OpenSpool;
  /** Ends the proof; the calls of the store end by their own. */
  readonly signal: AbortSignal;
}

/** Where the snapshot lies: in a store, or in a file whose path is relative to GITHUB_WORKSPACE. */
export type SnapshotPlace =
  | {
      readonly kind: "stored";
      readonly store: LatestStore & Pick<SnapshotStore, "findObject">;
      readonly snapshot: SnapshotUri | LatestOf;
    }
  | { readonly kind: "file"; readonly path: string };

export interface VerifyRequest {
  /** The raw bytes, at most two; with none, encrypted values are counted and not opened. */
  readonly encryptionKeys: readonly Buffer[];
  /** Private keys of age, for the keys that are sealed beside the snapshot; not used where `encryptionKeys` has one. */
  readonly identities: readonly string[];
  /** Pins; for a file, only the cluster of its record is held against them. */
  readonly pins: Pins;
  /** Absent: a snapshot of any age. */
  readonly maxAgeMs?: number;
  readonly allowUnrecorded: boolean;
}

export type VerifyReport = ProofReport;

export function createVerifyReport(): VerifyReport {
  return {};
}
