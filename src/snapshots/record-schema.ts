import * as v from "valibot";
import { atLeastOne, count, described, name, run, s3Uri, sha256, text, time, version } from "./schema-parts.ts";

/**
 * The record of a snapshot, said once: docs/record.schema.json, the TypeScript type and the reader are made of it.
 * Fields that it does not name are kept by readers. Everything is bounded, since a record is input like any other.
 */

/** Ids of etcd: 64 bits in hex, as etcdctl prints them. */
const etcdId = v.pipe(v.string(), v.regex(/^[0-9a-f]{1,16}$/));
/** etcd says -1 where nothing was compacted. */
const compactRevision = v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(Number.MAX_SAFE_INTEGER));
/** CRC-32C. */
const hashKV = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff));

function list<Item extends v.GenericSchema>(item: Item) {
  return v.pipe(v.array(item), v.maxLength(10_000));
}

/** Valibot takes a list for an object without fields that it must have; JSON Schema does not. */
function mapping<Schema extends v.GenericSchema>(schema: Schema) {
  return v.pipe(
    v.unknown(),
    v.check((value) => !Array.isArray(value)),
    schema,
  );
}

const hostedCluster = v.object({
  namespace: name,
  name,
  uid: text,
  controlPlaneNamespace: text,
  infraID: v.exactOptional(text),
  clusterID: v.exactOptional(text),
  baseDomain: v.exactOptional(text),
  platform: v.exactOptional(text),
  releaseImage: v.exactOptional(text),
  releaseVersion: v.exactOptional(text),
  availabilityPolicy: v.exactOptional(text),
  services: list(v.object({ service: text, hostname: v.exactOptional(text) })),
});

const snapshot = v.object({
  uri: v.pipe(v.string(), v.regex(/^s3:\/\/[^/]+\/.+\.db$/), v.maxLength(2048)),
  versionId: v.exactOptional(described(text, "Absent in a bucket without versions.")),
  sizeBytes: atLeastOne,
  sha256: described(sha256, "Of the whole file."),
  revision: atLeastOne,
  entries: v.exactOptional(described(count, "Total keys as etcdctl up to 3.5 counts them: entries of every bucket.")),
  liveKeys: v.exactOptional(described(count, "Total keys as etcdutl 3.6 counts them.")),
  hash: described(v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/)), "As snapshot status prints it."),
  hashKV: v.exactOptional(v.object({ revision: count, compactRevision, hash: hashKV })),
  etcdVersion: described(version, "Without v."),
  storageVersion: v.exactOptional(version),
  member: v.object({ name: text, id: etcdId }),
  clusterId: etcdId,
});

const member = v.object({ name: text, id: etcdId, revision: atLeastOne, hashKV: v.exactOptional(hashKV) });

const key = v.object({
  name: described(v.pipe(v.string(), v.regex(/^key-\d{1,10}$/)), "As in the prefix of encrypted values."),
  sha256: described(sha256, "Of the raw bytes."),
  role: v.picklist(["active", "backup"]),
});

const encryption = v.object({
  type: v.picklist(["aescbc", "kms", "none"]),
  secretName: v.exactOptional(name),
  secretNamespace: v.exactOptional(name),
  keys: v.exactOptional(list(key)),
  kms: v.exactOptional(described(mapping(v.record(v.string(), text)), "Identifiers of the KMS keys.")),
  sealedKeyUri: v.exactOptional(described(s3Uri, "The keys, encrypted to the recipients.")),
  sealedKeySha256: v.exactOptional(
    described(sha256, "Of the sealed file as the run wrote it; another one was sealed anew since."),
  ),
  recipients: v.exactOptional(described(list(text), "Public age keys.")),
  valuesChecked: v.exactOptional(described(count, "Encrypted values that were decrypted with their key.")),
});

const restored = v.object({ revision: atLeastOne, hashKV });

const prediction = v.object({
  plain: v.exactOptional(described(restored, "Where HyperShift restores without raising the revision.")),
  bumped: v.exactOptional(described(restored, "Where it raises the revision by 1000000000 and compacts.")),
  members: v.exactOptional(
    described(
      mapping(v.record(v.string(), v.object({ clusterId: etcdId, memberIds: list(etcdId) }))),
      "By the number of replicas.",
    ),
  ),
});

const proofs = v.object({
  trailer: described(v.boolean(), "The file ends with the SHA-256 of all before it."),
  readBack: described(v.boolean(), "Every byte was read back from the store."),
  structure: v.exactOptional(described(v.boolean(), "The file is a whole database of etcd.")),
  membersAgree: v.exactOptional(described(v.boolean(), "Every member has the keys and values of the file.")),
  keysProven: v.exactOptional(described(v.boolean(), "Every encrypted value is of a recorded key.")),
});

export const recordSchema = v.pipe(
  v.object({
    schemaVersion: v.literal(1),
    createdAt: time,
    nonce: described(
      v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
      "16 random bytes of the run; its first 8 digits are in the snapshot's name.",
    ),
    action: described(v.object({ version: text }), "The version of the action that wrote the record."),
    run: described(run, "The workflow run; texts are empty outside of one."),
    hostedCluster: described(hostedCluster, "The cluster whose etcd was saved, as it was then."),
    quiesced: described(v.boolean(), "Whether the API servers were stopped for the snapshot."),
    apiDowntimeSeconds: v.exactOptional(
      described(
        v.pipe(v.number(), v.minValue(0)),
        "From the first stop until all were ready again; 0 when they were not stopped.",
      ),
    ),
    pausedAt: v.exactOptional(time),
    resumedAt: v.exactOptional(time),
    snapshots: v.pipe(list(snapshot), v.minLength(1)),
    members: described(list(member), "All members that were seen."),
    issuerURL: v.exactOptional(text),
    networking: v.exactOptional(described(v.unknown(), "spec.networking of the HostedCluster.")),
    serviceAccountSigningKey: v.exactOptional(
      described(
        v.object({ secretName: name, sha256: v.exactOptional(described(sha256, "Absent where it was not sealed.")) }),
        "The Secret with the key that signs tokens of ServiceAccounts; absent where HyperShift made that key.",
      ),
    ),
    encryption: described(
      encryption,
      "How the Secrets in the snapshot are encrypted. The key itself is never in the record.",
    ),
    contents: v.exactOptional(described(mapping(v.record(v.string(), count)), "Live keys by group and resource.")),
    liveSet: v.exactOptional(
      described(
        v.object({ sha256, keys: count, valueBytes: count }),
        "The keys that exist at the snapshot's revision.",
      ),
    ),
    prediction: v.exactOptional(
      described(mapping(prediction), "The answers of every member of an etcd restored from the file."),
    ),
    proofs: described(proofs, "What was verified of the stored object; absent means not known."),
  }),
  v.title("Record of an etcd snapshot"),
  v.description(
    "The JSON object beside a snapshot, written last. Absent means not known. Readers keep fields that they do not know and refuse another schemaVersion. Times are RFC 3339 in UTC, sizes bytes, hashes lower-case hex.",
  ),
);
