import { renderKeyFile, type KeyFile } from "../../../src/encryption/key-file.ts";
import { createEncryptionKey } from "../../../src/encryption/key.ts";
import type { SigningKey } from "../../../src/encryption/signing-key.ts";
import { seal } from "../../../src/encryption/seal.ts";
import type { SnapshotRecord } from "../../../src/snapshots/record.ts";
import { ageRecipient, sha256 } from "../../world/sealing.ts";
import { oldKey } from "./manifest-builder.ts";
import { buildRecord, nonce, oldEncryption, type RecordParts } from "./record-builder.ts";

export interface SealedParts {
  readonly keys?: readonly Buffer[];
  readonly nonce?: string;
  readonly hostedCluster?: Partial<KeyFile["hostedCluster"]>;
  readonly recipients?: readonly string[];
  /** The key that signs tokens of ServiceAccounts; absent: HyperShift made it. */
  readonly signingKey?: { readonly name: string; readonly bytes: Buffer };
}

const secret = { namespace: "clusters", name: "old-etcd-encryption-key" };

/** The sealed file that a backup left beside the snapshot of the record builder. */
export function buildSealed(parts: SealedParts = {}): Promise<Buffer> {
  const { keys = [oldKey], recipients = [ageRecipient] } = parts;
  return seal(renderKeys({ ...parts, keys }), recipients);
}

/** Its content. */
export function renderKeys(parts: SealedParts = {}): Buffer {
  const { keys = [oldKey], nonce: ofRun = nonce, hostedCluster = {}, signingKey } = parts;
  const about = {
    run: { name: `20261124T120000Z-${ofRun.slice(0, 8)}`, nonce: ofRun },
    hostedCluster: { namespace: "clusters", name: "tenant", ...hostedCluster },
  };
  const kept = keys.map((key, index) => ({ ...createEncryptionKey(key, index === 0 ? "active" : "backup"), secret }));
  const signing: SigningKey =
    signingKey === undefined
      ? { origin: "hypershift" }
      : {
          origin: "secret",
          secret: { namespace: "clusters", name: signingKey.name },
          read: { bytes: signingKey.bytes, sha256: sha256(signingKey.bytes) },
        };
  return renderKeyFile(about, { type: "aescbc", secret, keys: kept }, signing);
}

/** The record that names `sealed`. */
export function recordSealed(sealed: Buffer, parts: RecordParts = {}): SnapshotRecord {
  const { encryption = oldEncryption } = parts;
  return buildRecord({ ...parts, encryption: { ...encryption, sealedKeySha256: sha256(sealed) } });
}
