import { ActionError } from "../errors.ts";
import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Log } from "../ports.ts";
import type { SnapshotRecord } from "../snapshot/record.ts";
import { quote } from "./target-cluster.ts";

interface Release {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** `-rc.1`, `-0` of a build of the night: it comes before the release of the same number. Else empty. */
  readonly early: string;
}

/** etcd 3.6 has no `etcdctl snapshot restore` any more, which HyperShift's init container calls up to this release. */
const brokenRelease = { major: 4, minor: 21 };

/** The first one whose init container gives each member its own name (openshift/hypershift pull request 9048). */
const memberFix: Release = { major: 5, minor: 1, patch: 0, early: "" };

/**
 * Compares the manifest's release with the one that wrote the snapshot, as far as their names say it. Throws `release-older`,
 * `release-cannot-restore`, and `etcd-would-split` unless `allowUnsafe`; what cannot be told of a release is a warning.
 */
export function checkRelease(
  recorded: Pick<SnapshotRecord["hostedCluster"], "releaseImage" | "releaseVersion">,
  cluster: HostedCluster,
  { log, allowUnsafe }: { readonly log: Log; readonly allowUnsafe: boolean },
): void {
  const image = cluster.releaseImage ?? "";
  const before = findRelease(recorded.releaseVersion) ?? findImageRelease(recorded.releaseImage ?? "");
  const same = isSameImage(image, recorded.releaseImage ?? "");
  const after = same ? before : findImageRelease(image);
  const shown = after === undefined ? quote(image) : renderRelease(after);
  const shownBefore =
    before === undefined ? "the snapshot's release" : `${renderRelease(before)}, which wrote the snapshot`;
  if (after?.major === brokenRelease.major && after.minor === brokenRelease.minor)
    throw new ActionError("release-cannot-restore", `HyperShift of release ${shown} cannot restore a snapshot`, {
      hint: "render the manifest with a release of 4.22 or newer",
    });
  if (after && before && compareReleases(after, before) < 0)
    throw new ActionError("release-older", `the manifest's release ${shown} is older than ${shownBefore}`, {
      hint: "render the manifest with the release of the snapshot: an older one may not read what a newer one wrote",
    });
  if (after === undefined)
    log.warning(
      `the version of the manifest's release ${shown} is not known: it must not be older than ${shownBefore}, nor a 4.21, which cannot restore`,
    );
  else if (before && compareReleases(after, before) > 0)
    log.warning(
      `the manifest's release ${shown} is newer than ${shownBefore}: the restored cluster is upgraded as it starts`,
    );
  // Where the manifest names none, the API's default is HighlyAvailable.
  const splits = cluster.availabilityPolicy !== "SingleReplica" && !(after && compareReleases(after, memberFix) >= 0);
  if (!splits) return;
  const problem = `three etcd members that HyperShift of release ${shown} restores become three clusters of one member each, and look ready`;
  if (!allowUnsafe)
    throw new ActionError("etcd-would-split", problem, {
      hint:
        "render the manifest with controllerAvailabilityPolicy SingleReplica; or set allow-unsafe-restore: true, and " +
        "before anyone uses the new cluster run etcdctl member list in each etcd pod: it must list three members",
    });
  log.warning(`${problem}: before anyone uses the new cluster, run etcdctl member list in each etcd pod`);
}

/** True where both name the same digest, or the same tag. */
function isSameImage(image: string, recorded: string): boolean {
  const digest = findDigest(image);
  return image !== "" && (image === recorded || (digest !== undefined && digest === findDigest(recorded)));
}

function findDigest(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}

/** Release images carry their version as tag: `ocp-release:4.20.0-x86_64`. */
function findImageRelease(image: string): Release | undefined {
  return findRelease(/:([^:/@]+)(?:@[^@]*)?$/.exec(image)?.[1]);
}

function findRelease(version: string | undefined): Release | undefined {
  const parts = /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d.])(-(?:[a-z]+\.)?\d+(?=[.-]|$))?/.exec(version ?? "");
  if (parts === null) return undefined;
  const [, major, minor, patch, early = ""] = parts;
  return { major: Number(major), minor: Number(minor), patch: Number(patch), early };
}

function compareReleases(one: Release, other: Release): number {
  return (
    one.major - other.major ||
    one.minor - other.minor ||
    one.patch - other.patch ||
    Number(other.early !== "") - Number(one.early !== "")
  );
}

function renderRelease({ major, minor, patch, early }: Release): string {
  return `${major}.${minor}.${patch}${early}`;
}
