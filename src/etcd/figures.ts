import type { EncryptedGroup } from "./encryption-check.ts";
import type { Snapshot } from "./snapshot.ts";

/** The figures of a snapshot, by the names that the record has for them. */
export interface SnapshotFigures {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly revision: number;
  readonly entries: number;
  readonly liveKeys: number;
  readonly hash: string;
  readonly hashKV: { readonly revision: number; readonly compactRevision: number; readonly hash: number };
  readonly storageVersion?: string;
  readonly liveSet: { readonly sha256: string; readonly keys: number; readonly valueBytes: number };
  /** Live keys by resource. */
  readonly contents: Readonly<Record<string, number>>;
  readonly prediction: Snapshot["prediction"];
  readonly proofs: { readonly trailer: true; readonly structure: true };
}

export function figuresOf(snapshot: Snapshot): SnapshotFigures {
  const { sha256, keys, valueBytes } = snapshot.liveSet;
  return {
    sizeBytes: snapshot.sizeBytes,
    sha256: snapshot.sha256,
    revision: snapshot.revision,
    entries: snapshot.entries,
    liveKeys: snapshot.liveKeys,
    hash: snapshot.hash,
    // Where a member was asked, the record has its answer.
    hashKV: snapshot.hashKvAt ?? snapshot.hashKv,
    ...(snapshot.storageVersion === undefined ? {} : { storageVersion: snapshot.storageVersion }),
    liveSet: { sha256, keys, valueBytes },
    contents: Object.fromEntries(Object.entries(snapshot.resources).map(([name, { keys: count }]) => [name, count])),
    prediction: snapshot.prediction,
    // A snapshot that was read at all has both: readSnapshot throws otherwise.
    proofs: { trailer: true, structure: true },
  };
}

/** Such as `secrets: aescbc key-1234567 (v1)`. */
export function renderEncryption({ resource, provider, version, keyName }: EncryptedGroup): string {
  return `${resource}: ${provider} ${keyName}${version === "" ? "" : ` (${version})`}`;
}
