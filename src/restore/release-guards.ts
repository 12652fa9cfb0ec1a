import type { HostedCluster } from "../hypershift/hosted-cluster.ts";
import { quote } from "../shown-text.ts";
import { refuse, type Finding } from "./findings.ts";
import { compareReleases, findImageRelease, findRelease, renderRelease, type Release } from "../hypershift/release.ts";
import { memberFix } from "../hypershift/restore-script.ts";

/** The names of the release that wrote a snapshot, and of its etcd; absent where no record tells them. */
export interface WrittenBy {
  readonly releaseImage?: string;
  readonly releaseVersion?: string;
  readonly etcdVersion?: string;
}

/**
 * etcd 3.6 has no `etcdctl snapshot restore` any more, which HyperShift's init container calls up to this release
 * (openshift/hypershift pull request 8186).
 */
const brokenRelease = { major: 4, minor: 21 };

/**
 * From here on the init container restores into a folder of its own and renames it (openshift/hypershift pull request 8186):
 * a restore that fails leaves nothing behind that its second try takes for data.
 */
const retryFix: Release = { major: 4, minor: 22, patch: 0, early: ["0"] };

const operatorImageAnnotation = "hypershift.openshift.io/control-plane-operator-image";

/**
 * Compares the manifest's release with the one that wrote the snapshot, as far as their names say it. Refuses with
 * `release-older`, `etcd-older`, and, where that may be accepted, `release-cannot-restore` and `etcd-would-split`; warns with
 * `restore-retry-unsafe`.
 */
export function checkRelease(written: WrittenBy, cluster: HostedCluster): readonly Finding[] {
  const image = cluster.releaseImage ?? "";
  const before = findRelease(written.releaseVersion) ?? findImageRelease(written.releaseImage ?? "");
  const same = isSameImage(image, written.releaseImage ?? "");
  const after = same ? before : findImageRelease(image);
  const shown = after === undefined ? quote(image) : renderRelease(after);
  return [
    compareWithWriter(after, before, { shown, same }),
    ...compareEtcd(after, written.etcdVersion, shown),
    ...checkScript(after, shown),
    ...checkMembers(after, cluster, shown),
  ];
}

function compareWithWriter(
  after: Release | undefined,
  before: Release | undefined,
  { shown, same }: { readonly shown: string; readonly same: boolean },
): Finding {
  const guard = "spec.release";
  const shownBefore =
    before === undefined ? "the snapshot's release" : `${renderRelease(before)}, which wrote the snapshot`;
  if (same && after === undefined) return { guard, verdict: "equal", text: `${shown}, which wrote the snapshot` };
  if (after === undefined)
    return {
      guard,
      verdict: "warning",
      text: `the version of the manifest's release ${shown} is not known: it must not be older than ${shownBefore}, nor a 4.21, which is not known to restore`,
    };
  const order = before === undefined ? undefined : compareReleases(after, before);
  if (order === undefined)
    return { guard, verdict: "warning", text: `${shown}; the release that wrote the snapshot is not known` };
  if (order < 0)
    return refuse(
      guard,
      "release-older",
      `the manifest's release ${shown} is older than ${shownBefore}`,
      "render the manifest with the release of the snapshot: an older one may not read what a newer one wrote",
    );
  if (order === 0) return { guard, verdict: "equal", text: shown };
  return {
    guard,
    verdict: "differs",
    text: `the manifest's release ${shown} is newer than ${shownBefore}: the restored cluster is upgraded as it starts`,
  };
}

/** Does for the version that a snapshot's bytes tell what `checkRelease` does for that of the record. */
export function checkEtcdVersion(cluster: HostedCluster, etcdVersion: string | undefined): readonly Finding[] {
  const after = findImageRelease(cluster.releaseImage ?? "");
  return compareEtcd(after, etcdVersion, after === undefined ? "" : renderRelease(after));
}

/** Releases up to 4.20 run etcd 3.5, which does not read the files of 3.6. */
function compareEtcd(after: Release | undefined, etcdVersion: string | undefined, shown: string): readonly Finding[] {
  const written = findRelease(etcdVersion);
  const isNewer = written !== undefined && (written.major > 3 || written.minor >= 6);
  if (!isNewer || after === undefined || compareReleases(after, { major: 4, minor: 21, patch: 0, early: ["0"] }) >= 0)
    return [];
  return [
    refuse(
      "etcd version",
      "etcd-older",
      `the snapshot is of etcd ${etcdVersion ?? ""}, and release ${shown} runs etcd 3.5`,
      "render the manifest with a release of 4.22 or newer",
    ),
  ];
}

function checkScript(after: Release | undefined, shown: string): readonly Finding[] {
  if (after === undefined) return [];
  const guard = "init script";
  if (after.major === brokenRelease.major && after.minor === brokenRelease.minor)
    return [
      refuse(
        guard,
        "release-cannot-restore",
        `HyperShift of release ${shown} is not known to restore a snapshot: its init script calls what etcd 3.6 does not have any more`,
        "render the manifest with a release of 4.22 or newer; where this release has the fix of openshift/hypershift pull request 8186, accept release-cannot-restore in allow-unsafe-restore",
      ),
    ];
  if (compareReleases(after, retryFix) >= 0) return [];
  return [
    {
      guard,
      verdict: "warning",
      code: "restore-retry-unsafe",
      text: `where a member of release ${shown} fails to restore, its second try starts on what is left: delete its volume (PVC data-etcd-<n>) before it runs again`,
    },
  ];
}

function checkMembers(after: Release | undefined, cluster: HostedCluster, shown: string): readonly Finding[] {
  const guard = "etcd members";
  const replaced = cluster.annotations[operatorImageAnnotation] !== undefined;
  // Where the manifest names none, the API's default is HighlyAvailable.
  if (cluster.availabilityPolicy === "SingleReplica") return [{ guard, verdict: "equal", text: "one, which restores" }];
  if (!replaced && after && compareReleases(after, memberFix) >= 0)
    return [{ guard, verdict: "equal", text: `three, which release ${shown} joins` }];
  const why = replaced ? ` (its annotation ${operatorImageAnnotation} replaces the script)` : "";
  return [
    refuse(
      guard,
      "etcd-would-split",
      `HyperShift of release ${shown}${why} is not known to join three etcd members that it restores: they may become three clusters of one member each, and look ready`,
      "render the manifest with controllerAvailabilityPolicy SingleReplica; or accept etcd-would-split in allow-unsafe-restore, and " +
        "before anyone uses the new cluster run etcdctl member list in each etcd pod: it must list three members",
    ),
  ];
}

/** True where both name the same digest, or the same tag. */
function isSameImage(image: string, recorded: string): boolean {
  const digest = findDigest(image);
  return image !== "" && (image === recorded || (digest !== undefined && digest === findDigest(recorded)));
}

function findDigest(image: string): string | undefined {
  return /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1];
}
