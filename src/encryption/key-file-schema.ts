import * as v from "valibot";

/**
 * The content of a sealed file of keys, said once: docs/key-file.schema.json, the TypeScript type and the reader are made of it.
 * Fields that it does not name are kept by readers.
 */

const text = v.pipe(v.string(), v.maxLength(4096));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(253));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/), v.description("Of the raw bytes, lower-case hex."));
const bytes = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9+/]+={0,2}$/),
  v.maxLength(65_536),
  v.description("Base64 of the raw bytes, as data.key of the Secret has it."),
);

const run = v.object({
  name: v.pipe(
    v.string(),
    v.regex(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/),
    v.description("The name that the objects of the run begin with."),
  ),
  nonce: v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/)),
});

const hostedCluster = v.object({ namespace: name, name, clusterID: v.exactOptional(text) });

const encryptionKey = v.object({
  secretNamespace: name,
  secretName: name,
  role: v.picklist(["active", "backup"]),
  name: v.pipe(v.string(), v.regex(/^key-\d{1,10}$/), v.description("HyperShift's, as in each encrypted value.")),
  bytes,
  sha256,
});

const signingKey = v.object({
  origin: v.pipe(
    v.picklist(["secret", "hypershift"]),
    v.description("The Secret that the HostedCluster names, or HyperShift, which made the key itself."),
  ),
  secretNamespace: v.exactOptional(name),
  secretName: v.exactOptional(name),
  bytes: v.exactOptional(v.pipe(bytes, v.description("Base64 of the PEM text; absent where it could not be read."))),
  sha256: v.exactOptional(sha256),
  unread: v.exactOptional(v.pipe(text, v.description("Why the Secret could not be read."))),
});

export const keyFileSchema = v.pipe(
  v.object({
    schemaVersion: v.literal(1),
    run: v.pipe(run, v.description("The run whose snapshot the keys decrypt.")),
    hostedCluster: v.pipe(hostedCluster, v.description("The cluster that they were read of.")),
    encryptionKeys: v.pipe(
      v.array(encryptionKey),
      v.maxLength(10),
      v.description("The AES keys of the Secrets in etcd; empty where these are in clear, or KMS has the key."),
    ),
    serviceAccountSigningKey: v.pipe(signingKey, v.description("The key that signs tokens of ServiceAccounts.")),
  }),
  v.title("Keys of an etcd snapshot"),
  v.description(
    "What a sealed file <run>.key.age holds once it is opened: JSON with every key that the snapshot beside it needs. Readers keep fields that they do not know and refuse another schemaVersion.",
  ),
);
