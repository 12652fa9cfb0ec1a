import { findCondition, type HostedControlPlane } from "./hosted-cluster.ts";
import type { PodTemplate } from "./pod-template.ts";
import { compareReleases, type Release } from "./release.ts";
import type { Workload } from "./workload.ts";

/**
 * How HyperShift's init container restores: `plain` keeps the revision, and gives no member its name; `bumped` gives members
 * their names, raises the revision by 1000000000 and marks all before it as compacted.
 */
export type RestoreScript = "plain" | "bumped";

/**
 * The first one whose init container gives each member its own name (openshift/hypershift pull request 9048). A lower bound:
 * an operator may replace the control-plane-operator of a release, and with it the script.
 */
export const memberFix: Release = { major: 5, minor: 1, patch: 0, early: [] };

/**
 * The script that a hosted cluster would be restored with: that of its StatefulSet where it was restored and still has one,
 * else by its release.
 */
export function restoreScriptOf(etcd: PodTemplate, release: Release | undefined): RestoreScript {
  const init = etcd.initContainers.find(({ name }) => name === restoreContainer);
  if (init !== undefined) {
    const isBumped = [...init.command, ...init.args].some((word) => word.includes("--bump-revision"));
    return isBumped ? "bumped" : "plain";
  }
  return release !== undefined && compareReleases(release, memberFix) >= 0 ? "bumped" : "plain";
}

/** The tool that the init script restores with: etcdctl alone, or etcdutl where the image has it. */
export type RestoreTool = "etcdctl" | "newest";

/** From here on the script takes etcdutl (openshift/hypershift pull request 8186); etcdctl of 4.21 cannot restore any more. */
const etcdutlFix: Release = { major: 4, minor: 22, patch: 0, early: ["0"] };

/** The tool of the script `plain`, which older and newer releases have. */
export function restoreToolOf(release: Release | undefined): RestoreTool {
  return release !== undefined && compareReleases(release, etcdutlFix) < 0 ? "etcdctl" : "newest";
}

/** The init container of HyperShift's StatefulSet etcd that restores; it is taken away once every member has started. */
export const restoreContainer = "etcd-init";

/** Whether the init script gives the members that it restores one cluster, or each a cluster of its own. */
export type InitScript = "joining" | "single";

/**
 * The init script that the StatefulSet has now; undefined where it restores nothing, or nothing any more. Releases before
 * https://github.com/openshift/hypershift/pull/9048 do not tell it of other members.
 */
export function findInitScript({ initContainers }: Pick<Workload, "initContainers">): InitScript | undefined {
  const container = initContainers.find(({ name }) => name === restoreContainer);
  if (container === undefined) return undefined;
  return container.variables.includes("ETCD_INITIAL_CLUSTER") ? "joining" : "single";
}

/** Source: EtcdSnapshotRestored in control-plane-operator's hostedcontrolplane_controller.go; the HostedCluster does not have it. */
export function isSnapshotRestored({ conditions }: Pick<HostedControlPlane, "conditions">): boolean {
  return findCondition(conditions, "EtcdSnapshotRestored")?.status === "True";
}
