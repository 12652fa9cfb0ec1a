import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import { parseSnapshotUri, snapshotKey, type SnapshotUri } from "../snapshot/location.ts";
import { inputNames, type Environment, type ReadInput } from "./input-names.ts";
import {
  findChoice,
  findLine,
  findText,
  invalidInput,
  invalidSecret,
  missingInput,
  readBoolean,
  readDuration,
  readText,
} from "./input-value.ts";
import { findKey, findStoreInputs, parseStoreInputs, readPrefix, type StoreInputs } from "./store-inputs.ts";

export const modes = ["backup", "restore-render", "recover"] as const;

export interface ClusterInputs {
  /** As it was given: text, or base64 of it. */
  readonly kubeconfig: string;
  /** Absent: the kubeconfig's current context. */
  readonly kubeconfigContext?: string;
  readonly hostedCluster: string;
  readonly hostedClusterNamespace: string;
  /** Reads the runs of this repository; absent: a run counts as dead by its deadline alone. */
  readonly githubToken?: string;
}

export interface BackupInputs extends ClusterInputs {
  readonly mode: "backup";
  readonly store: StoreInputs;
  /** Without slashes at its ends; empty for none. */
  readonly prefix: string;
  readonly quiesce: boolean;
  readonly maxPauseMs: number;
  readonly allowUnhealthy: boolean;
  readonly dryRun: boolean;
  readonly presign: boolean;
  readonly presignExpiresInSeconds: number;
}

export interface RestoreRenderInputs {
  readonly mode: "restore-render";
  readonly store: StoreInputs;
  readonly snapshot: SnapshotUri;
  /** As it was given; relative to GITHUB_WORKSPACE. */
  readonly manifest: string;
  /** As it was given; absent: a new file under RUNNER_TEMP. */
  readonly output?: string;
  /** The raw 32 bytes; absent for a cluster that does not encrypt with a key of its own. */
  readonly encryptionKey?: Buffer;
  readonly presignExpiresInSeconds: number;
  readonly allowUnsafeRestore: boolean;
}

export interface RecoverInputs extends ClusterInputs {
  readonly mode: "recover";
  /** Absent: what dead runs left there stays. */
  readonly store?: StoreInputs;
  readonly prefix: string;
}

export type Inputs = BackupInputs | RestoreRenderInputs | RecoverInputs;

const pathMaxCharacters = 4096;

/**
 * Reads every input of the mode; `read` gives an empty text for one that is not set. Nothing is contacted.
 * Throws `input-missing` or `input-invalid` for the first that is wrong, with its name.
 */
export function parseInputs(read: (name: string) => string, env: Environment): Inputs {
  const mode = findChoice(read, "mode", modes);
  switch (mode) {
    case undefined:
      throw missingInput("mode", `one of ${modes.join(", ")}`);
    case "backup":
      return parseBackupInputs(read, env);
    case "restore-render":
      return parseRestoreRenderInputs(read, env);
    case "recover":
      return parseRecoverInputs(read, env);
  }
}

/** One sentence for each safety that these inputs switch off, for a warning. */
export function listOptOuts(inputs: Inputs): readonly string[] {
  const insecure = inputs.store?.endpoint?.startsWith("http://") ?? false;
  return [
    ...(insecure ? ["allow-insecure-endpoint: the snapshot crosses the network in clear"] : []),
    ...(inputs.mode === "restore-render" && inputs.allowUnsafeRestore
      ? ["allow-unsafe-restore: a release that splits three etcd members does not stop this restore"]
      : []),
    ...(inputs.mode === "backup" && inputs.allowUnhealthy
      ? ["allow-unhealthy: findings on the cluster's health do not stop this backup"]
      : []),
  ];
}

/**
 * Inputs that do not exist, each with the one that was probably meant: another only in hyphens, underscores or a plural.
 * The runner passes on what action.yml does not declare, as INPUT_* of the environment.
 */
export function findMistypedInputs(env: Environment): readonly { readonly given: string; readonly meant: string }[] {
  const known: readonly string[] = inputNames;
  return Object.keys(env)
    .filter((name) => name.startsWith("INPUT_"))
    .map((name) => name.slice("INPUT_".length).toLowerCase())
    .filter((given) => /^[\w-]{1,60}$/.test(given) && !known.includes(given))
    .flatMap((given) => {
      const meant = known.find((name) => squeeze(name) === squeeze(given));
      return meant === undefined ? [] : [{ given, meant }];
    });
}

/** Equal for names that differ in hyphens, underscores and a plural. */
function squeeze(name: string): string {
  return name.replaceAll(/[-_]|s$/g, "");
}

function parseBackupInputs(read: ReadInput, env: Environment): BackupInputs {
  const cluster = readClusterInputs(read);
  const store = parseStoreInputs(read, env);
  return {
    mode: "backup",
    ...cluster,
    store,
    prefix: readFittingPrefix(read, cluster),
    quiesce: readBoolean(read, "quiesce", true),
    maxPauseMs: readDuration(read, "max-pause", { fallback: "15m", shortest: "4m", longest: "2h" }),
    allowUnhealthy: readBoolean(read, "allow-unhealthy", false),
    dryRun: readBoolean(read, "dry-run", false),
    presign: readBoolean(read, "presign", true),
    presignExpiresInSeconds: readPresignExpiry(read),
  };
}

function parseRecoverInputs(read: ReadInput, env: Environment): RecoverInputs {
  const cluster = readClusterInputs(read);
  const store = findStoreInputs(read, env);
  refuseDryRun(read, "recover changes what it finds");
  return {
    mode: "recover",
    ...cluster,
    ...(store === undefined ? {} : { store }),
    prefix: readFittingPrefix(read, cluster),
  };
}

function refuseDryRun(read: ReadInput, why: string): void {
  if (readBoolean(read, "dry-run", false)) throw invalidInput("dry-run", "true", `left out, since ${why}`);
}

/** The inputs of the cluster alone. Throws `input-missing`, `input-invalid`. */
export function readClusterInputs(read: ReadInput): ClusterInputs {
  const kubeconfig = readText(read, "kubeconfig", "the kubeconfig of the management cluster, as text or base64 of it");
  const kubeconfigContext = findLine(read, "kubeconfig-context", 500);
  const { name, namespace } = readHostedCluster(read);
  const githubToken = findKey(read, "github-token");
  return {
    kubeconfig,
    ...(kubeconfigContext === undefined ? {} : { kubeconfigContext }),
    hostedCluster: name,
    hostedClusterNamespace: namespace,
    ...(githubToken === undefined ? {} : { githubToken }),
  };
}

/** `s3-prefix`; throws `input-invalid` where the key of an object would be too long with it. */
export function readFittingPrefix(read: ReadInput, cluster: ClusterInputs): string {
  const prefix = readPrefix(read);
  const { hostedClusterNamespace: namespace, hostedCluster: name } = cluster;
  const longestKey = snapshotKey({ prefix, namespace, name, acquired: new Date(0), nonce: "0".repeat(32) });
  if (longestKey.length + ".json".length > 1024)
    throw invalidInput("s3-prefix", prefix, "so short that an object's key stays under 1024 bytes");
  return prefix;
}

function parseRestoreRenderInputs(read: ReadInput, env: Environment): RestoreRenderInputs {
  const snapshot = readSnapshotUri(read);
  const store = parseStoreInputs(read, env, snapshot.bucket);
  const manifest = findLine(read, "manifest", pathMaxCharacters);
  if (manifest === undefined) throw missingInput("manifest", "the path of the rendered HostedCluster");
  const output = findLine(read, "output", pathMaxCharacters);
  const encryptionKey = findEncryptionKey(read);
  refuseDryRun(read, "restore-render changes no cluster");
  return {
    mode: "restore-render",
    store,
    snapshot,
    manifest,
    ...(output === undefined ? {} : { output }),
    ...(encryptionKey === undefined ? {} : { encryptionKey }),
    presignExpiresInSeconds: readPresignExpiry(read),
    allowUnsafeRestore: readBoolean(read, "allow-unsafe-restore", false),
  };
}

function readSnapshotUri(read: ReadInput): SnapshotUri {
  const expected = "s3://<bucket>/<key>.db, the output snapshot-uri of a backup";
  const text = readText(read, "snapshot-uri", expected);
  // Most likely a signed URL, which must not be shown.
  if (text.includes("?")) throw invalidSecret("snapshot-uri", expected);
  return parseSnapshotUri(text);
}

/** Names as Kubernetes takes them; the client puts them into paths of the API as they are. */
function readHostedCluster(read: ReadInput): { readonly name: string; readonly namespace: string } {
  const label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
  const name = readText(read, "hosted-cluster", "the name of the HostedCluster");
  if (name.length > 253 || !new RegExp(`^${label}(?:\\.${label})*$`).test(name))
    throw invalidInput("hosted-cluster", name, "a name of lower-case letters, digits, hyphens and dots");
  const namespace = findText(read, "hosted-cluster-namespace") ?? "clusters";
  if (namespace.length > 63 || !new RegExp(`^${label}$`).test(namespace))
    throw invalidInput(
      "hosted-cluster-namespace",
      namespace,
      "a name of at most 63 lower-case letters, digits and hyphens",
    );
  if (controlPlaneNamespace(namespace, name).length > 63)
    throw invalidInput("hosted-cluster", name, "so short that <namespace>-<name> has at most 63 characters");
  return { name, namespace };
}

function readPresignExpiry(read: ReadInput): number {
  return readDuration(read, "presign-expires-in", { fallback: "1h", shortest: "1m", longest: "7d" }) / 1_000;
}

function findEncryptionKey(read: ReadInput): Buffer | undefined {
  const text = findText(read, "encryption-key");
  if (text === undefined) return undefined;
  const key = Buffer.from(text, "base64");
  // Buffer.from skips what is no base64; only the canonical text comes back as it was.
  if (key.length !== 32 || key.toString("base64") !== text)
    throw invalidSecret("encryption-key", "base64 of exactly 32 bytes, as the Secret of the hosted cluster has it");
  return key;
}
