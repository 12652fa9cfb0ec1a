import { describeError } from "../errors.ts";
import type { NamedKey } from "../etcd/aescbc.ts";
import type { SecretEncryption } from "../hypershift/hosted-cluster.ts";
import { assertKeysOpen, assertProvider, type EncryptedValues } from "../etcd/encryption-check.ts";
import { refuseDivergedMembers, refuseLostKeys, refuseUnprovenBytes } from "../snapshots/record-proofs.ts";
import type { SnapshotRecord } from "../snapshots/record.ts";
import { refuseOlder, renderAge } from "../snapshots/age.ts";
import { collect, refusalOf, refuse, type Finding } from "./findings.ts";

/**
 * The record's own word on the snapshot. `record-invalid` where its bytes were not proven; `members-diverged` and
 * `keys-unproven` where that proof failed, which may be accepted; a proof that was not made is told. `snapshot-online` and
 * `snapshot-rescued` are warnings: the bytes are proven, and what they cannot hold is said.
 */
export function checkProofs(record: SnapshotRecord): readonly Finding[] {
  const { proofs, encryption, quiesced, pausedAt, resumedAt } = record;
  return [
    ...refusalOf("proofs", () => {
      refuseUnprovenBytes(record);
    }),
    ...collect("proofs.membersAgree", () => {
      refuseDivergedMembers(record);
      return [tellProof("proofs.membersAgree", proofs.membersAgree, "whether the members had the same data")];
    }),
    ...(encryption.type === "none"
      ? []
      : collect("proofs.keysProven", () => {
          refuseLostKeys(record);
          return [tellProof("proofs.keysProven", proofs.keysProven, "whether a value was decrypted with the key")];
        })),
    ...(pausedAt !== undefined && resumedAt === undefined
      ? [
          {
            guard: "run of the backup",
            verdict: "warning",
            code: "snapshot-rescued",
            text: "the API servers were not back when the snapshot was recorded: that run ended red, or nobody saw its end",
          } as const,
        ]
      : []),
    ...(quiesced
      ? []
      : [
          {
            guard: "quiesced",
            verdict: "warning",
            code: "snapshot-online",
            text: "the API servers wrote while the snapshot was made: it is one consistent moment, not the last one",
          } as const,
        ]),
  ];
}

/** Records of earlier versions have none; a warning in each restore would teach to pass over warnings. */
function tellProof(guard: string, proof: boolean | undefined, unknown: string): Finding {
  return proof === true
    ? { guard, verdict: "equal", text: "proven when the snapshot was made" }
    : { guard, verdict: "unknown", text: `not known when the snapshot was made: ${unknown}` };
}

/** `snapshot-too-old` for a snapshot that is older than `max-age`; absent, every age is told and accepted. */
export function checkAge(createdAt: string, nowMs: number, maxAgeMs: number | undefined): readonly Finding[] {
  const guard = "age";
  return collect(guard, () => {
    refuseOlder(createdAt, nowMs, maxAgeMs);
    return [{ guard, verdict: "equal", text: renderAge(createdAt, nowMs) }];
  });
}

/**
 * Checks whether `keys`, those that are rendered, open what the snapshot's bytes are encrypted with: `keys-unproven`
 * where one value stays closed or is encrypted by another provider than the configured one, which may be accepted.
 */
export function checkValues(
  encrypted: EncryptedValues,
  keys: readonly NamedKey[],
  configured: SecretEncryption["type"],
): readonly Finding[] {
  const guard = "encrypted values";
  try {
    assertProvider(encrypted, configured);
    assertKeysOpen(
      encrypted,
      keys.map(({ name }) => name),
    );
  } catch (error) {
    const { code, message, hint } = describeError(error);
    if (code !== "encryption-key-unproven") throw error;
    return [refuse(guard, "keys-unproven", message, `${hint ?? ""}; or accept keys-unproven in allow-unsafe-restore`)];
  }
  const { values, checked } = encrypted;
  if (keys.length > 0 && checked === 0) {
    const text = "the snapshot has no value that could be decrypted: whether the key is the right one is not known";
    return [{ guard, verdict: "warning", text }];
  }
  const text = values === 0 ? "none" : `${String(values)}, of which the keys opened ${String(checked)}`;
  return [{ guard, verdict: "equal", text }];
}
