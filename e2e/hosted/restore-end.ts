import type { JsonObject } from "../../__tests__/world/management-cluster/json.ts";
import { at, listAt, stringAt } from "../../src/json-path.ts";
import type { KubeClient } from "../cluster/kube-client.ts";
import type { HostedCluster } from "./hosted-cluster.ts";

/**
 * What HyperShift's control-plane-operator does once every member has started from the snapshot: the condition, and then the
 * StatefulSet without the init container, which restarts the members one after the other.
 */
export async function endRestore(
  admin: KubeClient,
  { name, controlPlaneNamespace }: Pick<HostedCluster, "name" | "controlPlaneNamespace">,
): Promise<void> {
  const controlPlane = await admin.find("HostedControlPlane", controlPlaneNamespace, name);
  const restored = {
    type: "EtcdSnapshotRestored",
    status: "True",
    reason: "AsExpected",
    message: "",
    lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
  };
  const conditions = [
    ...listAt(controlPlane, "status", "conditions").filter((each) => stringAt(each, "type") !== restored.type),
    restored,
  ] as readonly JsonObject[];
  await admin.patch("HostedControlPlane", controlPlaneNamespace, name, { status: { conditions } }, "status");
  const statefulSet = await admin.find("StatefulSet", controlPlaneNamespace, "etcd");
  const all = listAt(at(statefulSet, "spec", "template", "spec"), "initContainers") as readonly JsonObject[];
  const initContainers = all.filter((container) => stringAt(container, "name") !== "etcd-init");
  const patch = { spec: { template: { spec: { initContainers } } } };
  await admin.patch("StatefulSet", controlPlaneNamespace, "etcd", patch);
}
