import { readUpTo } from "../bytes.ts";
import { ActionError } from "../errors.ts";
import type { ObjectRef, SnapshotStore } from "../ports.ts";
import { formatSnapshotUri, recordKeyOf, sealedKeyOfRecord, type SnapshotUri } from "./location.ts";
import type { SnapshotRecord } from "./record.ts";

/** A key for each of two roles, and a stanza for each of the recipients, have less. */
export const sealedKeyMaxBytes = 512 * 1024;

/** What is known of the keys of a snapshot before one is at hand; a field that nothing is known of is absent. */
interface KnownKeys {
  readonly nonce?: string;
  readonly hostedCluster?: { readonly namespace: string; readonly name: string; readonly clusterID?: string };
  readonly keys?: readonly { readonly name: string; readonly sha256: string }[];
  readonly secret?: ObjectRef;
  readonly signingKey?: { readonly secretName: string; readonly sha256?: string };
  readonly sealedSha256?: string;
}

/** Where the sealed keys of a snapshot lie: beside its record, wherever both were moved to. */
export function sealedKeyOf(snapshotKey: string): string {
  return sealedKeyOfRecord(recordKeyOf(snapshotKey));
}

/** The sealed keys of a stored snapshot. */
export function findStoredKeys(
  store: Pick<SnapshotStore, "findObject" | "readObject">,
  { bucket, key }: SnapshotUri,
  record: SnapshotRecord | undefined,
) {
  const sealedKey = sealedKeyOf(key);
  const name = formatSnapshotUri({ bucket, key: sealedKey });
  return { name, read: () => readSealed(store, sealedKey, name), expected: expectKeys(key, record) };
}

/** By the record; without one, by the name that a run gives its snapshots. */
export function expectKeys(snapshotKey: string, record: SnapshotRecord | undefined): KnownKeys {
  if (record === undefined) {
    const nonce = /(?:^|\/)\d{8}T\d{6}Z-([0-9a-f]{8})(?:-etcd-\d{1,2})?\.db$/.exec(snapshotKey)?.[1];
    return nonce === undefined ? {} : { nonce };
  }
  const { namespace, name, clusterID } = record.hostedCluster;
  const { keys = [], sealedKeySha256, secretName, secretNamespace = namespace } = record.encryption;
  const { serviceAccountSigningKey: signingKey } = record;
  return {
    nonce: record.nonce,
    hostedCluster: { namespace, name, ...(clusterID === undefined ? {} : { clusterID }) },
    keys,
    ...(secretName === undefined ? {} : { secret: { namespace: secretNamespace, name: secretName } }),
    ...(signingKey === undefined ? {} : { signingKey }),
    ...(sealedKeySha256 === undefined ? {} : { sealedSha256: sealedKeySha256 }),
  };
}

/** Throws `sealed-key-invalid` for more bytes than sealed keys can have. */
export function refuseLargeSealed(sizeBytes: number, name: string): void {
  if (sizeBytes <= sealedKeyMaxBytes) return;
  throw new ActionError("sealed-key-invalid", `the sealed key ${name} has ${String(sizeBytes)} bytes`, {
    hint: "no file of sealed keys is that large; find out what wrote it",
  });
}

async function readSealed(
  store: Pick<SnapshotStore, "findObject" | "readObject">,
  key: string,
  name: string,
): Promise<Buffer | undefined> {
  const object = await store.findObject(key);
  if (object === undefined) return undefined;
  refuseLargeSealed(object.sizeBytes, name);
  const sealed = await readUpTo(store.readObject(key), sealedKeyMaxBytes);
  refuseLargeSealed(sealed.byteLength, name);
  return sealed;
}
