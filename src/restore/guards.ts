import type { SnapshotRecord } from "../snapshots/record.ts";
import { compareIdentity } from "./cluster-identity.ts";
import type { TakenKeys } from "../encryption/expected-keys.ts";
import { checkEncryption, checkUnrecordedKeys, type KeyCheck } from "./encryption-key.ts";
import { checkEtcd, checkQuota, checkVolume } from "./etcd-guards.ts";
import { collect, type Finding } from "./findings.ts";
import { checkAge, checkProofs } from "./proof-guards.ts";
import type { KnownSnapshot } from "../snapshots/recorded-snapshot.ts";
import { checkRelease } from "./release-guards.ts";
import { checkSigningKey, type SigningKeyCheck } from "./signing-key.ts";
import { checkLife } from "./snapshot-url.ts";
import { checkStart } from "./start-guards.ts";
import type { ReadManifest } from "./target-cluster.ts";

/** Findings of the manifest alone: nothing is known of the snapshot yet. */
export function checkManifest(manifest: ReadManifest): readonly Finding[] {
  const { documents, target } = manifest;
  return [
    ...collect("spec.etcd", () => checkEtcd(target.cluster, documents[target.index]?.value)),
    ...collect("manifest", () => checkStart(manifest)),
  ];
}

/** The outcome of a comparison; its keys are rendered where no finding is a refusal. */
interface Comparison {
  readonly findings: readonly Finding[];
  readonly encryptionKeys: KeyCheck["keys"];
  readonly signingKeys: SigningKeyCheck["keys"];
}

interface Terms {
  readonly maxAgeMs?: number;
  readonly presignExpiresInSeconds: number;
  /** By the store's clock. */
  readonly nowMs: number;
}

/** Holds manifest, keys and snapshot side by side; keys that could not be taken are not compared. */
export function compareWithSnapshot(
  manifest: ReadManifest,
  known: KnownSnapshot,
  taken: TakenKeys | undefined,
  terms: Terms,
): Comparison {
  const { documents, target } = manifest;
  const value = documents[target.index]?.value;
  const { recorded } = known;
  let encryptionKeys: Comparison["encryptionKeys"] = [];
  const encryption = collect("spec.secretEncryption", () => {
    if (taken === undefined) return [];
    const given = taken.encryptionKeys;
    const checked =
      recorded === undefined
        ? checkUnrecordedKeys(documents, target, given)
        : checkEncryption(recorded.record.encryption, documents, target, given);
    encryptionKeys = checked.keys;
    return checked.findings;
  });
  let signingKeys: Comparison["signingKeys"] = [];
  const signing = collect("spec.serviceAccountSigningKey", () => {
    if (taken === undefined) return [];
    const checked = checkSigningKey(manifest, taken.signingKey, recorded?.record);
    signingKeys = checked.keys;
    return checked.findings;
  });
  const written = {
    ...recorded?.record.hostedCluster,
    ...(recorded === undefined ? {} : { etcdVersion: recorded.entry.etcdVersion }),
  };
  const findings = [
    ...(recorded === undefined ? [unrecorded] : compareRecord(recorded.record, manifest, terms)),
    ...checkRelease(written, target.cluster),
    ...checkVolume(value, known.sizeBytes),
    ...checkQuota(known.sizeBytes),
    ...encryption,
    ...signing,
    checkLife({
      sizeBytes: known.sizeBytes,
      members: target.cluster.availabilityPolicy === "SingleReplica" ? 1 : 3,
      expiresInSeconds: terms.presignExpiresInSeconds,
    }),
  ];
  return { findings, encryptionKeys, signingKeys };
}

const unrecorded: Finding = {
  guard: "record",
  verdict: "warning",
  text: "the snapshot has no record: of which cluster, release and time it is, and whether its writers were stopped, is not known (allow-unrecorded); ids, networks and host names are those of the manifest, and compared with nothing",
};

function compareRecord(
  record: SnapshotRecord,
  { documents, target }: ReadManifest,
  { maxAgeMs, nowMs }: Terms,
): readonly Finding[] {
  return [
    ...compareIdentity(record, target.cluster, documents[target.index]?.value),
    ...checkProofs(record),
    ...checkAge(record.createdAt, nowMs, maxAgeMs),
  ];
}
