import type { LatestOf } from "../../snapshots/latest.ts";
import { findMeantUri, parseSnapshotUri, type ClusterPath, type SnapshotUri } from "../../snapshots/location.ts";
import type { Pins } from "../../snapshots/pins.ts";
import { readHostedCluster } from "./cluster.ts";
import type { ReadInput } from "./names.ts";
import { readPrefix } from "./store.ts";
import { findText, invalidSecret, findDuration, readBoolean, readFields, readText, refuseTrue } from "./value.ts";

/** The longest path that Linux opens. */
export const pathMaxCharacters = 4096;

/**
 * The bucket that snapshot-uri names; beside a wrong address there is nothing that s3-bucket could differ from. Undefined for
 * `latest`, which is looked for in s3-bucket.
 */
export function findNamedBucket(read: ReadInput): string | undefined {
  if (isLatest(read)) return undefined;
  const named = /^s3:\/\/([^/]+)\//.exec(findText(read, "snapshot-uri") ?? "")?.[1];
  return named ?? findText(read, "s3-bucket") ?? "unknown";
}

/** Throws `input-invalid` beside max-age, which nothing could be held against. */
export function readUnrecorded(read: ReadInput): boolean {
  if (findText(read, "max-age") !== undefined)
    refuseTrue(read, "allow-unrecorded", {
      rule: "false beside max-age",
      hint: "only a record says when a snapshot was made; leave one of the two out",
    });
  return readBoolean(read, "allow-unrecorded", false);
}

/** The sentence for a warning where a snapshot needs no record. */
export function listUnrecordedOptOut({ allowUnrecorded }: { readonly allowUnrecorded: boolean }): readonly string[] {
  return allowUnrecorded ? ["allow-unrecorded: a snapshot that no record describes is not refused"] : [];
}

/** An address, or `latest` with the cluster that it is of. Throws `input-missing`, `input-invalid`. */
export function readSnapshotUri(read: ReadInput): SnapshotUri | LatestOf {
  if (isLatest(read)) return { latestOf: readLatestCluster(read) };
  const expected = "s3://<bucket>/<key>.db, the output snapshot-uri of a backup, or latest";
  const text = readText(read, "snapshot-uri", expected);
  // Most likely a signed URL, which must not be shown.
  if (text.includes("?"))
    throw invalidSecret("snapshot-uri", {
      rule: expected,
      hint:
        findMeantUri(text.replace(/\?.*$/s, "")) ??
        "a signed URL ends with its credentials: give the address that the backup printed beside it",
    });
  // Other tools have other names for what they store.
  return parseSnapshotUri(text, { anyName: readBoolean(read, "allow-unrecorded", false) });
}

/** True where snapshot-uri is `latest`. */
export function isLatest(read: ReadInput): boolean {
  return findText(read, "snapshot-uri") === "latest";
}

/** Without a name of its own in each of these inputs, `latest` could be that of another cluster. */
function readLatestCluster(read: ReadInput): ClusterPath {
  const { cluster, prefix } = readFields({
    cluster: () => readHostedCluster(read),
    prefix: () => {
      readText(read, "s3-prefix", "the one of the backups beside snapshot-uri: latest, or to / where they have none");
      return readPrefix(read);
    },
  });
  return { prefix, ...cluster };
}

/** The limits to what snapshot-uri may name; all absent where no input sets one. */
export function readPins(read: ReadInput): Pins {
  return readFields({
    prefix: () => (findText(read, "s3-prefix") === undefined ? undefined : readPrefix(read)),
    hostedCluster: () => (findText(read, "hosted-cluster") === undefined ? undefined : readHostedCluster(read)),
  });
}

/** Milliseconds. */
export function findMaxAge(read: ReadInput): number | undefined {
  return findDuration(read, "max-age", { shortest: "1m", longest: "3650d" }, "for a snapshot of any age");
}
