import { createHash } from "node:crypto";
import { encryptionKeyName } from "../../../src/encryption/key.ts";
import { figuresOf } from "../../../src/etcd/figures.ts";
import { parseSnapshotUri, type SnapshotUri } from "../../../src/snapshots/location.ts";
import type { EncryptionEntry, RecordedKey, SnapshotEntry, SnapshotRecord } from "../../../src/snapshots/record.ts";
import { encryptSecret } from "../../world/etcd/fill.ts";
import { readBytes } from "../../world/snapshot/read.ts";
import { buildSnapshot, type SnapshotPlan } from "../../world/snapshot/snapshot.ts";
import { oldKey } from "./manifest-builder.ts";

export const snapshotUri = "s3://backups/prod/clusters/tenant/20261124T120000Z-01234567.db";
export const snapshot: SnapshotUri = parseSnapshotUri(snapshotUri);

/** The stored file: a small etcd of revision 77, with two Secrets that the old key encrypts. */
export const snapshotBytes = buildStored(encryptSecret(Buffer.from("k8s\0Secret"), oldKey));

/** As the stored file, with these values of two Secrets. */
export function buildStored(first: Buffer, second = first, plan: Partial<SnapshotPlan> = {}): Buffer {
  return buildSnapshot({
    buckets: { cluster: [[Buffer.from("clusterVersion"), Buffer.from("3.5.0")]] },
    compactRevision: 74,
    changes: [
      { main: 75, key: "/kubernetes.io/configmaps/default/a", value: "k8s\0ConfigMap" },
      { main: 76, key: "/kubernetes.io/secrets/default/a", value: first },
      { main: 77, key: "/kubernetes.io/secrets/default/b", value: second },
    ],
    ...plan,
  });
}

/** What a record says of such a file. */
export async function figuresOfStored(bytes: Buffer) {
  const { sizeBytes, sha256, revision, entries, liveKeys, hash, hashKV } = figuresOf(await readBytes(bytes));
  return { sizeBytes, sha256, revision, entries, liveKeys, hash, hashKV };
}

const storedFigures = await figuresOfStored(snapshotBytes);

export const nonce = "0123456789abcdef0123456789abcdef";

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
  readonly proofs?: Partial<SnapshotRecord["proofs"]>;
  readonly createdAt?: string;
  readonly quiesced?: boolean;
}

/** Of a backup of the cluster that the manifest builder renders. */
export function buildRecord(parts: RecordParts = {}): SnapshotRecord {
  return {
    schemaVersion: 1,
    createdAt: parts.createdAt ?? "2026-11-24T12:00:30Z",
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
    quiesced: parts.quiesced ?? true,
    snapshots: [
      {
        uri: snapshotUri,
        etcdVersion: "3.5.26",
        member: { name: "etcd-0", id: "1" },
        clusterId: "2",
        ...storedFigures,
        ...parts.snapshot,
      },
    ],
    members: [],
    ...(parts.issuerURL === undefined ? {} : { issuerURL: parts.issuerURL }),
    ...(parts.networking === undefined ? {} : { networking: parts.networking }),
    encryption: parts.encryption ?? oldEncryption,
    proofs: { trailer: true, readBack: true, ...parts.proofs },
  };
}
