import { ActionError } from "../errors.ts";

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

/** Key of the snapshot of one run: `<prefix>/<namespace>/<hosted cluster>/<time>-<nonce8>.db`; a pure function of the journal. */
export function snapshotKey(run: {
  readonly prefix: string;
  readonly namespace: string;
  readonly name: string;
  readonly acquired: Date;
  readonly nonce: string;
}): string {
  const time = formatTime(run.acquired).replaceAll(/[-:]/g, "");
  const file = `${time}-${run.nonce.slice(0, 8)}.db`;
  return [run.prefix, run.namespace, run.name, file].filter((segment) => segment !== "").join("/");
}

/** RFC 3339 in UTC with whole seconds, as HyperShift's operators parse it. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d{3}Z$/, "Z");
}
