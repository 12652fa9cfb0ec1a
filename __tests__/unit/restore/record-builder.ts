import { createHash } from "node:crypto";
import { encryptionKeyName } from "../../../src/hypershift/encryption-key.ts";
import { parseSnapshotUri, type SnapshotUri } from "../../../src/snapshot/location.ts";
import type { EncryptionEntry, SnapshotEntry, SnapshotRecord } from "../../../src/snapshot/record.ts";
import { oldKey } from "./manifest-builder.ts";

export const snapshotUri = "s3://backups/prod/clusters/tenant/20261124T120000Z-01234567.db";
export const snapshot: SnapshotUri = parseSnapshotUri(snapshotUri);
export const nonce = "0123456789abcdef0123456789abcdef";

type RecordedKey = NonNullable<EncryptionEntry["keys"]>[number];

export function fingerprint(key: Buffer, role: RecordedKey["role"]): RecordedKey {
  return { name: encryptionKeyName(key), sha256: createHash("sha256").update(key).digest("hex"), role };
}

export const oldEncryption: EncryptionEntry = {
  type: "aescbc",
  secretName: "old-etcd-encryption-key",
  secretNamespace: "clusters",
  keys: [fingerprint(oldKey, "active")],
};

export interface RecordParts {
  readonly snapshot?: Partial<SnapshotEntry>;
  readonly hostedCluster?: Partial<SnapshotRecord["hostedCluster"]>;
  readonly encryption?: EncryptionEntry;
  readonly issuerURL?: string;
  readonly networking?: unknown;
}

/** Of a backup of the cluster that the manifest builder renders. */
export function buildRecord(parts: RecordParts = {}): SnapshotRecord {
  return {
    schemaVersion: 1,
    createdAt: "2026-11-24T12:00:30Z",
    nonce,
    action: { version: "1.0.0" },
    run: { repository: "", workflow: "", runId: "", runAttempt: "", url: "" },
    hostedCluster: {
      namespace: "clusters",
      name: "tenant",
      uid: "6b1c2f0e-0000-4000-8000-000000000000",
      controlPlaneNamespace: "clusters-tenant",
      infraID: "tenant-x7k2p",
      releaseImage: "registry.example/ocp-release:4.20.3-x86_64",
      releaseVersion: "4.20.3",
      services: [],
      ...parts.hostedCluster,
    },
    quiesced: true,
    snapshots: [
      {
        uri: snapshotUri,
        sizeBytes: 4_128,
        sha256: "5".repeat(64),
        revision: 77,
        hash: "0a1b2c3d",
        etcdVersion: "3.5.26",
        member: { name: "etcd-0", id: "1" },
        clusterId: "2",
        ...parts.snapshot,
      },
    ],
    members: [],
    ...(parts.issuerURL === undefined ? {} : { issuerURL: parts.issuerURL }),
    ...(parts.networking === undefined ? {} : { networking: parts.networking }),
    encryption: parts.encryption ?? oldEncryption,
    proofs: { trailer: true, readBack: true },
  };
}
