import type { Clock, Log, ObjectRef, SnapshotStore } from "../ports.ts";
import type { SnapshotUri } from "../snapshot/location.ts";

/** Variables of the runner: GITHUB_WORKSPACE and RUNNER_TEMP. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What the rendering of a restore needs of the world; it writes nothing to the store. */
export interface RestoreWorld {
  readonly store: Pick<SnapshotStore, "findObject" | "readObject" | "findCredentialsExpiry" | "signUrl" | "tryUrl">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly log: Log;
  readonly environment: Environment;
  /** Called with a secret before anything could print it: a signed URL, or the bytes of a key. */
  readonly onSecret: (value: string | Buffer) => void;
}

export interface RestoreRequest {
  readonly snapshot: SnapshotUri;
  /** A file, relative to GITHUB_WORKSPACE. */
  readonly manifest: string;
  /** A file that does not exist yet; absent: one under RUNNER_TEMP. */
  readonly output?: string;
  /** The raw 32 bytes; absent where nothing is encrypted, or where the manifest has the right key already. */
  readonly encryptionKey?: Buffer;
  readonly presignExpiresInSeconds: number;
  /** Renders for three members also where the release would make three clusters of them. */
  readonly allowUnsafeRestore: boolean;
}

/** What was rendered; outputs and summary are made of it. */
export interface RestoreResult {
  /** Of the manifest. */
  readonly hostedCluster: ObjectRef;
  readonly snapshotUri: string;
  readonly recordUri: string;
  /** Of the snapshot, as is what follows. */
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly revision: number;
  readonly etcdVersion: string;
  readonly createdAt: string;
  /** Absent where the snapshot is not encrypted with `aescbc`. */
  readonly encryptionKeySecretName?: string;
  /** Secret. */
  readonly presignedUrl: string;
  readonly presignedUrlExpiresAt: string;
  /** Absolute path. */
  readonly renderedManifest: string;
}
