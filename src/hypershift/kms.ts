/** Identifiers of KMS keys, by their path below spec.secretEncryption.kms, such as `aws.activeKey.arn`. */
export type KmsIds = Readonly<Record<string, string>>;

/**
 * The fields of KMSSpec in HyperShift's hostedcluster_types.go that say which key, and where it is. What says how to log in
 * there (roles, Secrets, managed identities) is of no use for another cluster.
 */
const identifiers: readonly string[] = [
  "provider",
  "region",
  "arn",
  "keyVaultName",
  "keyName",
  "keyVersion",
  "crkID",
  "instanceID",
  "correlationID",
  "url",
];
/** An active key and those of earlier rotations; the record is bounded, whatever a spec holds. */
const mostIds = 100;
const longestId = 2048;
const deepest = 4;

/** The identifiers in spec.secretEncryption.kms; empty where it has none. */
export function parseKmsIds(kms: unknown): KmsIds {
  return Object.fromEntries(listIds(kms, [], deepest).slice(0, mostIds));
}

function listIds(value: unknown, path: readonly string[], depth: number): readonly (readonly [string, string])[] {
  const name = path.at(-1) ?? "";
  if (typeof value === "string" || typeof value === "number")
    return identifiers.includes(name) && String(value).length <= longestId ? [[path.join("."), String(value)]] : [];
  if (typeof value !== "object" || value === null || depth < 0 || name === "auth") return [];
  return Object.entries(value).flatMap(([field, below]) => listIds(below, [...path, field], depth - 1));
}
