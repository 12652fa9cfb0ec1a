import { createHash } from "node:crypto";
import type { Log, ObjectRef } from "../ports.ts";
import { encryptionKeyName } from "./key.ts";

/** What the record of a snapshot, or else its name, says of its keys; a field that nothing is known of is absent. */
export interface ExpectedKeys {
  /** The nonce of the run, or the beginning of it. */
  readonly nonce?: string;
  readonly hostedCluster?: { readonly namespace: string; readonly name: string; readonly clusterID?: string };
  readonly keys?: readonly { readonly name: string; readonly sha256: string }[];
  /** The Secret that had the active key. */
  readonly secret?: ObjectRef;
  /** The Secret with the key that signed tokens of ServiceAccounts; absent also where HyperShift made that key. */
  readonly signingKey?: { readonly secretName: string; readonly sha256?: string };
  /** Of the sealed bytes as the run wrote them. */
  readonly sealedSha256?: string;
}

export interface TakenKeys {
  /** Raw bytes, the active key first. */
  readonly encryptionKeys: readonly Buffer[];
  /** The key that signed tokens of ServiceAccounts, and the Secret that it was in; absent where nobody had it. */
  readonly signingKey?: { readonly secretName: string; readonly bytes: Buffer };
}

export interface KeyWorld {
  readonly log: Log;
  /** Called with the bytes of each key before anything could print them. */
  readonly onSecret: (value: Buffer) => void;
}

/** Whether `key` has the recorded fingerprints. */
export function isKey(key: Buffer, recorded: { readonly name: string; readonly sha256: string }): boolean {
  return encryptionKeyName(key) === recorded.name && createHash("sha256").update(key).digest("hex") === recorded.sha256;
}
