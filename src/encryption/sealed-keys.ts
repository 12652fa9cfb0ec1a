import { createHash } from "node:crypto";
import { ActionError } from "../errors.ts";
import type { ExpectedKeys, KeyWorld, TakenKeys } from "./expected-keys.ts";
import { findOtherVersion, parseKeyFile, type KeyFile } from "./key-file.ts";
import type { Log } from "../ports.ts";
import { quote } from "../shown-text.ts";
import { openSealed } from "./seal.ts";
import { isPem } from "./signing-key.ts";

/** The sealed file that belongs to a snapshot, and what is known of it elsewhere. */
export interface SealedFile {
  /** Its address or path, for a reader. */
  readonly name: string;
  /** Undefined where there is none. */
  readonly read: () => Promise<Buffer | undefined>;
  readonly expected: ExpectedKeys;
}

const wholeHint =
  "look at the file with age -d -i <identity>; another snapshot of the cluster may be restored in its place";

/**
 * The keys that are sealed beside a snapshot. Throws `sealed-key-missing`; `age-identity-mismatch` for identities that the file was
 * not sealed to; `sealed-key-invalid` for one that is damaged or of another version; `sealed-key-differs` for one of another run or
 * cluster, or with other keys than the recorded ones.
 */
export async function openSealedKeys(
  file: SealedFile,
  identities: readonly string[],
  { log, onSecret }: KeyWorld,
): Promise<TakenKeys> {
  const sealed = await file.read();
  if (sealed === undefined)
    throw new ActionError("sealed-key-missing", `age-identity is set, and there is no sealed key ${file.name}`, {
      hint: "give the key as encryption-key, from where it was saved; backups with key-recipients seal it beside the snapshot",
    });
  const keys = await open(sealed, file, identities);
  const bytes = keys.encryptionKeys.map((key) => Buffer.from(key.bytes, "base64"));
  refuseOther(keys, file);
  // Keys alone become masks: who may write to the bucket could take words from every log otherwise.
  for (const key of bytes) onSecret(key);
  const signingKey = findSigningKey(keys, log);
  if (signingKey !== undefined) onSecret(signingKey.bytes);
  const names = keys.encryptionKeys.map(({ name, role }) => `${name} (${role})`).join(", ");
  log.info(`the keys are those of ${file.name}, opened with age-identity: ${names === "" ? "none is needed" : names}`);
  if (isSealedAnew(sealed, file)) log.info(`${file.name} was sealed anew since its run; it holds the recorded keys`);
  if (signingKey !== undefined) log.info(`it has the signing key of Secret ${signingKey.secretName}, too`);
  return { encryptionKeys: bytes, ...(signingKey === undefined ? {} : { signingKey }) };
}

/** Undefined where the file has none, and where what it has is not a PEM, which is told. */
function findSigningKey({ serviceAccountSigningKey }: KeyFile, log: Log): TakenKeys["signingKey"] {
  const { bytes, secretName } = serviceAccountSigningKey;
  if (bytes === undefined || secretName === undefined) return undefined;
  const signingKey = { secretName, bytes: Buffer.from(bytes, "base64") };
  if (isPem(signingKey.bytes)) return signingKey;
  log.warning(`the signing key of Secret ${quote(secretName)} that is sealed is not a PEM, and is not taken`);
  return undefined;
}

async function open(sealed: Buffer, file: SealedFile, identities: readonly string[]): Promise<KeyFile> {
  const opened = await openSealed(sealed, identities);
  if ("plain" in opened) {
    const keys = parseKeyFile(opened.plain);
    if (keys !== undefined) return keys;
    const other = findOtherVersion(opened.plain);
    throw invalid(
      file,
      other === undefined
        ? "was opened, and holds something else than the keys of a snapshot"
        : `has schemaVersion ${String(other)}; this version reads 1`,
    );
  }
  if (opened.problem === "damaged") throw invalid(file, "is damaged: age does not open it");
  if (isSealedAnew(sealed, file))
    throw invalid(
      file,
      "has other bytes than its record describes, and age-identity does not open it: it was damaged, or sealed anew to others",
    );
  throw new ActionError("age-identity-mismatch", `age-identity does not open ${file.name}: it was sealed to others`, {
    hint: "give the identity of a recipient that the record names in encryption.recipients, or the key itself as encryption-key",
  });
}

function refuseOther({ run, hostedCluster, encryptionKeys }: KeyFile, { name, expected }: SealedFile): void {
  const { nonce, hostedCluster: cluster, keys } = expected;
  const difference =
    nonce !== undefined && !run.nonce.startsWith(nonce)
      ? `is of the run ${run.name}, not of this snapshot's`
      : cluster !== undefined && !isSameCluster(hostedCluster, cluster)
        ? `is of the hosted cluster ${quote(`${hostedCluster.namespace}/${hostedCluster.name}`)}${hostedCluster.clusterID === undefined ? "" : ` with clusterID ${quote(hostedCluster.clusterID)}`}`
        : keys !== undefined && !hasKeys(encryptionKeys, keys)
          ? `has other keys than the record names, ${keys.map((key) => key.name).join(", ") || "none"}`
          : undefined;
  if (difference === undefined) return;
  throw new ActionError("sealed-key-differs", `the sealed key ${name} ${difference}`, {
    hint: "put the sealed key of this run back beside its snapshot, or give the key as encryption-key",
  });
}

function isSameCluster(found: KeyFile["hostedCluster"], expected: NonNullable<ExpectedKeys["hostedCluster"]>): boolean {
  const { clusterID } = found;
  const isOtherId = clusterID !== undefined && expected.clusterID !== undefined && clusterID !== expected.clusterID;
  return found.namespace === expected.namespace && found.name === expected.name && !isOtherId;
}

function hasKeys(found: KeyFile["encryptionKeys"], expected: NonNullable<ExpectedKeys["keys"]>): boolean {
  return (
    found.length === expected.length &&
    expected.every(({ name, sha256 }) => found.some((key) => key.name === name && key.sha256 === sha256))
  );
}

function isSealedAnew(sealed: Buffer, { expected: { sealedSha256 } }: SealedFile): boolean {
  return sealedSha256 !== undefined && createHash("sha256").update(sealed).digest("hex") !== sealedSha256;
}

function invalid({ name }: SealedFile, problem: string): ActionError {
  return new ActionError("sealed-key-invalid", `the sealed key ${name} ${problem}`, { hint: wholeHint });
}
