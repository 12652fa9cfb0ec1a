import { createHash } from "node:crypto";

const pageBytes = 512;

/** A file as `etcdctl snapshot save` leaves it, as far as the action looks at it: whole pages, and their SHA-256 at the end. */
export function renderSnapshot(revision: number, sizeBytes: number): Buffer {
  const body = Buffer.alloc(Math.ceil(sizeBytes / pageBytes) * pageBytes);
  body.write(`${JSON.stringify({ revision })}\n`);
  return Buffer.concat([body, createHash("sha256").update(body).digest()]);
}

/** The revision in a whole snapshot; undefined for anything else. */
export function findSnapshotRevision(bytes: Buffer): number | undefined {
  const body = bytes.subarray(0, -32);
  if (!createHash("sha256").update(body).digest().equals(bytes.subarray(-32))) return undefined;
  const revision = /^\{"revision":(\d+)\}\n/.exec(body.subarray(0, 100).toString("latin1"))?.[1];
  return revision === undefined ? undefined : Number(revision);
}
