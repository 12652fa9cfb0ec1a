import { ActionError } from "../errors.ts";
import { isBucketName } from "../names.ts";
import { quote } from "../shown-text.ts";
import { formatTime, parseTime } from "../time.ts";

/** An object in a store, as `s3://bucket/key`. */
export interface SnapshotUri {
  readonly bucket: string;
  readonly key: string;
}

/** A stored snapshot, by its version where the bucket has versions. */
export interface StoredSnapshot {
  readonly key: string;
  readonly versionId?: string;
  readonly sizeBytes: number;
}

const keyMaxBytes = 1024;

/** True for a key that every store, proxy and client reads as the same path. */
export function isSafeKey(key: string): boolean {
  return (
    key !== "" &&
    Buffer.byteLength(key) <= keyMaxBytes &&
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    !/[\u0000-\u001f\u007f\\]/.test(key) &&
    key.split("/").every((segment) => segment !== "" && segment !== "." && segment !== "..")
  );
}

/**
 * Throws `input-invalid` for text that is not an `s3://bucket/key`; one that ends in `.db`, as a run names it, unless a snapshot of
 * any name is looked for.
 */
export function parseSnapshotUri(text: string, { anyName = false }: { readonly anyName?: boolean } = {}): SnapshotUri {
  const match = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text);
  const [, bucket = "", key = ""] = match ?? [];
  if (!isBucketName(bucket) || !isSafeKey(key) || !(anyName || key.endsWith(".db")))
    throw new ActionError("input-invalid", `snapshot-uri ${quote(text)} is no address of a snapshot`, {
      hint:
        findMeantUri(text) ??
        "give s3://<bucket>/<key>.db, as the output snapshot-uri of a backup prints it, or latest",
    });
  return { bucket, key };
}

/** What `text` may mean, for a hint: another object of the run, a folder, an address for browsers, quotes. */
export function findMeantUri(text: string): string | undefined {
  const plain = text.replace(/^["'`]+|["'`]+$/g, "");
  const [, host = "", path = ""] = /^https:\/\/([^/?#]+)\/([^?#]*)/i.exec(plain) ?? [];
  const [, hostBucket] = /^(.+)\.s3[.-][\w.-]*amazonaws\.com(?:\.cn)?$/i.exec(host) ?? [];
  const asUri = host === "" ? plain : `s3://${hostBucket === undefined ? "" : `${hostBucket}/`}${path}`;
  const meant = asUri.replace(/(?:\.keep|\.key\.age|\.drill-\w+\.json|\.json)$/, ".db");
  const [, bucket = "", key = ""] = /^s3:\/\/([^/]+)\/(.+)$/s.exec(meant) ?? [];
  if (isBucketName(bucket) && isSafeKey(key) && key.endsWith(".db")) return `did you mean ${meant}?`;
  if (/^latest$/i.test(plain)) return "did you mean latest?";
  return /^s3:\/\/[^/]+(?:\/.*)?\/?$/.test(plain) && !/\.\w+$/.test(plain)
    ? "that is a folder: give latest for its newest snapshot, with s3-bucket, s3-prefix and hosted-cluster"
    : undefined;
}

export function formatSnapshotUri(uri: SnapshotUri): string {
  return `s3://${uri.bucket}/${uri.key}`;
}

/** A hosted cluster, by the folder that its snapshots lie in. */
export interface ClusterPath {
  /** Without slashes at its ends. */
  readonly prefix: string;
  readonly namespace: string;
  readonly name: string;
}

/** The folder of one hosted cluster, with its slash: `<prefix>/<namespace>/<hosted cluster>/`. */
export function clusterFolder({ prefix, namespace, name }: ClusterPath): string {
  return `${prefix === "" ? "" : `${prefix}/`}${namespace}/${name}/`;
}

/** The run that made a snapshot: names in the store are a pure function of it. */
export interface SnapshotRun extends ClusterPath {
  readonly acquired: Date;
  readonly nonce: string;
}

/** Key of a snapshot of one run: `<run>.db`, or `<run>-<member>.db` where the run captures several members. */
export function snapshotKey(run: SnapshotRun, member?: string): string {
  return `${runPath(run)}${member === undefined ? "" : `-${member}`}.db`;
}

/** The keys of all snapshots of a run that captures these members. */
export function snapshotKeys(run: SnapshotRun, members: readonly string[]): readonly string[] {
  return members.length > 1 ? members.map((member) => snapshotKey(run, member)) : [snapshotKey(run)];
}

/** Key of the one record of a run, beside its snapshots. */
export function recordKey(run: SnapshotRun): string {
  return `${runPath(run)}.json`;
}

/** The key of the record of a snapshot: of its run, or, for a name that no run gives, the same name with `.json` for `.db`. */
export function recordKeyOf(snapshotKey: string): string {
  const name = snapshotKey.replace(/(\d{8}T\d{6}Z-[0-9a-f]{8})-etcd-\d{1,2}\.db$/, "$1.db");
  return `${name.replace(/\.db$/, "")}.json`;
}

/** Key of the one file of sealed keys of a run, beside its record. */
export function sealedKeyKey(run: SnapshotRun): string {
  return sealedKeyOfRecord(recordKey(run));
}

/** The key of the sealed keys beside a record. */
export function sealedKeyOfRecord(recordKey: string): string {
  return recordKey.replace(/\.json$/, ".key.age");
}

/** One of the objects that a run has in the folder of its cluster. */
export interface RunObject {
  /** `<time>-<nonce8>`: how the names of all objects of the run begin. */
  readonly runName: string;
  readonly acquired: Date;
  readonly nonce8: string;
  readonly kind: "snapshot" | "record" | "sealed-key" | "pin" | "drill";
}

const runObjectName = /^((\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([0-9a-f]{8}))([.-].*)$/;

/** What follows the name of the run, for each kind of object. */
const runObjectEnds: readonly (readonly [RunObject["kind"], RegExp])[] = [
  ["snapshot", /^(?:-etcd-\d{1,2})?\.db$/],
  ["record", /^\.json$/],
  ["sealed-key", /^\.key\.age$/],
  ["pin", /^\.keep$/],
  ["drill", /^\.drill-\d{8}T\d{6}Z\.json$/],
];

/** The object of a run that `key` names, in the folder of its cluster; undefined for every other key. */
export function findRunObject(folder: string, key: string): RunObject | undefined {
  const match = key.startsWith(folder) ? runObjectName.exec(key.slice(folder.length)) : null;
  if (match === null) return undefined;
  const [, runName = "", year, month, day, hour, minute, second, nonce8 = "", end = ""] = match;
  const acquired = parseTime(
    `${year ?? ""}-${month ?? ""}-${day ?? ""}T${hour ?? ""}:${minute ?? ""}:${second ?? ""}Z`,
  );
  const kind = runObjectEnds.find(([, pattern]) => pattern.test(end))?.[0];
  return acquired === undefined || kind === undefined ? undefined : { runName, acquired, nonce8, kind };
}

/** The run of which `key` is a snapshot, in the folder of its cluster; undefined for every other key. */
export function findSnapshotRun(folder: string, key: string): RunObject | undefined {
  const found = findRunObject(folder, key);
  return found?.kind === "snapshot" ? found : undefined;
}

/** Key of the pin of a run: where this object lies beside a snapshot, retention leaves the run alone. */
export function pinKey(folder: string, runName: string): string {
  return `${folder}${runName}.keep`;
}

/** `<time>-<nonce8>`: how the names of all objects of a run begin, in the folder of its cluster. */
export function runNameOf({ acquired, nonce }: Pick<SnapshotRun, "acquired" | "nonce">): string {
  return `${formatTime(acquired).replaceAll(/[-:]/g, "")}-${nonce.slice(0, 8)}`;
}

function runPath(run: SnapshotRun): string {
  return `${clusterFolder(run)}${runNameOf(run)}`;
}
