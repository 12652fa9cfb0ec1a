import { safeUint64 } from "./integers.ts";
import { invalidSnapshot } from "./invalid-snapshot.ts";
import { keyOf, pageHeaderBytes, parsePageHeader, valueOf, type LeafElement, type Page } from "./page.ts";
import { orderedLeaf, type LeafVisitor, type Tree } from "./tree.ts";

/** The buckets of etcd 3.4 to 3.7, all of which every member makes: server/storage/schema/bucket.go. */
export const bucketNames = [
  "alarm",
  "auth",
  "authRoles",
  "authUsers",
  "cluster",
  "key",
  "lease",
  "members",
  "members_removed",
  "meta",
] as const;
export type BucketName = (typeof bucketNames)[number];

/** A bucket's entry begins with the page of its tree and a counter: internal/common/bucket.go in bbolt. */
const bucketHeaderBytes = 16;

/** A bucket of the database: a tree of its own, or a single page within the entry itself. */
export interface Bucket {
  readonly name: BucketName;
  readonly root: number | Page;
}

/**
 * The buckets below the root, in the order of their names. Throws `snapshot-invalid` for one that etcd does not know, for
 * one that is missing, and for anything else that stands beside them.
 */
export async function readBuckets(rootPage: number, tree: Tree): Promise<readonly Bucket[]> {
  const buckets: Bucket[] = [];
  await tree.walk(rootPage, (leaf) => {
    buckets.push(...leaf.map(parseBucket));
  });
  const missing = bucketNames.filter((name) => !buckets.some((bucket) => bucket.name === name));
  if (missing.length > 0) throw invalidSnapshot(`it has no bucket ${missing.join(", ")}`);
  return buckets;
}

/** Visits the entries of a bucket, a leaf page at a time. Throws `snapshot-invalid` for a bucket within the bucket. */
export async function walkBucket({ name, root }: Bucket, tree: Tree, visit: LeafVisitor): Promise<void> {
  const visitEntries: LeafVisitor = (leaf) => {
    if (leaf.some(({ isBucket }) => isBucket)) throw invalidSnapshot(`there is a bucket in bucket ${name}`);
    visit(leaf);
  };
  if (typeof root === "number") await tree.walk(root, visitEntries);
  else visitEntries(orderedLeaf(root));
}

function parseBucket(element: LeafElement): Bucket {
  const text = keyOf(element).toString("latin1");
  const value = valueOf(element);
  const name = bucketNames.find((known) => known === text);
  if (!element.isBucket || name === undefined)
    throw invalidSnapshot("its root holds something that is not a bucket of etcd");
  if (value.length < bucketHeaderBytes) throw invalidSnapshot(`the entry of bucket ${name} is too short`);
  const root = safeUint64(value, 0);
  if (safeUint64(value, 8) !== 0) throw invalidSnapshot(`bucket ${name} has a counter, which etcd does not use`);
  if (root === 0) return { name, root: parseInlinePage(name, value.subarray(bucketHeaderBytes)) };
  if (value.length !== bucketHeaderBytes) throw invalidSnapshot(`the entry of bucket ${name} is too long`);
  return { name, root };
}

function parseInlinePage(name: BucketName, bytes: Buffer): Page {
  if (bytes.length < pageHeaderBytes) throw invalidSnapshot(`the page in the entry of bucket ${name} is too short`);
  const header = parsePageHeader(bytes);
  if (header.kind !== "leaf" || header.id !== 0 || header.overflow !== 0)
    throw invalidSnapshot(`the page in the entry of bucket ${name} is not a leaf`);
  return { ...header, bytes: Buffer.from(bytes), slackBytes: 0 };
}
