import { deniedAccess, execAccesses, requiredAccesses } from "../backup/access.ts";
import { ActionError } from "../errors.ts";
import { controlPlaneNamespace } from "../hypershift/hosted-cluster.ts";
import type { ManagementCluster, ObjectRef } from "../ports.ts";
import { etcdLabels } from "./leftovers.ts";

/**
 * Asks, before anything is touched, whether everything that a recovery does is allowed. Throws `permission-missing` with
 * all that is not.
 */
export async function checkAccesses(cluster: ManagementCluster, ref: ObjectRef): Promise<void> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  // The members are found by their pods; the StatefulSet tells a backup more.
  const needed = requiredAccesses(ref, namespace, true).filter(({ resource }) => resource !== "statefulsets");
  const denied = await cluster.findDeniedAccesses(needed);
  const pods = denied.some(({ resource }) => resource === "pods") ? [] : await cluster.listPods(namespace, etcdLabels);
  const execs = pods.flatMap(({ name }) => execAccesses(namespace, name));
  const [first, ...others] = [...denied, ...(await cluster.findDeniedAccesses(execs))].map(deniedAccess);
  if (first === undefined) return;
  if (others.length === 0) throw first;
  const lines = [first, ...others].map(({ message }) => `- ${message}`);
  throw new ActionError("permission-missing", `this user lacks permissions that recover needs:\n${lines.join("\n")}`, {
    hint: "apply docs/rbac.yaml with your names; nothing was touched",
  });
}
