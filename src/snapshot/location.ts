import { ActionError } from "../errors.ts";
import { parseTime } from "../hypershift/pause.ts";

/** An object in a store, as `s3://bucket/key`. */
export interface SnapshotUri {
  readonly bucket: string;
  readonly key: string;
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

/** Source of the rule: the S3 user guide's bucket naming rules; dots are allowed, no dot beside another. */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]$/.test(name) && !/^\d+\.\d+\.\d+\.\d+$/.test(name);
}

/** Throws `input-invalid` for text that is no `s3://bucket/key` ending in `.db`. */
export function parseSnapshotUri(text: string): SnapshotUri {
  const match = /^s3:\/\/([^/]+)\/(.+)$/s.exec(text);
  const [, bucket = "", key = ""] = match ?? [];
  if (!isBucketName(bucket) || !isSafeKey(key) || !key.endsWith(".db"))
    throw new ActionError(
      "input-invalid",
      `snapshot-uri ${JSON.stringify(text.slice(0, 200))} is no address of a snapshot`,
      {
        hint: "give s3://<bucket>/<key>.db, as the output snapshot-uri of a backup prints it",
      },
    );
  return { bucket, key };
}

export function formatSnapshotUri(uri: SnapshotUri): string {
  return `s3://${uri.bucket}/${uri.key}`;
}

/** The record lies beside its snapshot. */
export function recordKey(snapshotKey: string): string {
  return snapshotKey.replace(/\.db$/, ".json");
}

/** The folder of one hosted cluster, with its slash: `<prefix>/<namespace>/<hosted cluster>/`. */
export function clusterFolder(cluster: {
  readonly prefix: string;
  readonly namespace: string;
  readonly name: string;
}): string {
  const { prefix, namespace, name } = cluster;
  return `${prefix === "" ? "" : `${prefix}/`}${namespace}/${name}/`;
}

/** Key of the snapshot of one run: `<folder of the cluster><time>-<nonce8>.db`; a pure function of the journal. */
export function snapshotKey(run: {
  readonly prefix: string;
  readonly namespace: string;
  readonly name: string;
  readonly acquired: Date;
  readonly nonce: string;
}): string {
  const time = formatTime(run.acquired).replaceAll(/[-:]/g, "");
  return `${clusterFolder(run)}${time}-${run.nonce.slice(0, 8)}.db`;
}

/** What `snapshotKey` made `key` of, in the folder of its cluster; undefined for every other key. */
export function findSnapshotRun(
  folder: string,
  key: string,
): { readonly acquired: Date; readonly nonce8: string } | undefined {
  const name = key.startsWith(folder) ? key.slice(folder.length) : "";
  const pattern = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-([0-9a-f]{8})\.db$/;
  const nonce8 = pattern.exec(name)?.[7];
  const acquired = parseTime(name.replace(pattern, "$1-$2-$3T$4:$5:$6Z"));
  return nonce8 === undefined || acquired === undefined ? undefined : { acquired, nonce8 };
}

/** RFC 3339 in UTC with whole seconds, as HyperShift's operators parse it. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, "Z");
}
