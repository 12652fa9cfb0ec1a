import { ActionError } from "../errors.ts";
import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Answered, ManagementCluster, ObjectRef } from "../ports.ts";
import { whichNames } from "./access.ts";

/** Throws `hosted-cluster-not-found`. */
export async function readHostedCluster(cluster: ManagementCluster, ref: ObjectRef): Promise<Answered<HostedCluster>> {
  const found = await cluster.findHostedCluster(ref);
  if (found !== undefined) return found;
  throw new ActionError(
    "hosted-cluster-not-found",
    `there is no HostedCluster ${ref.name} in namespace ${ref.namespace}`,
    {
      hint: `${whichNames(ref)}; the kubeconfig must be the management cluster's`,
    },
  );
}

/**
 * The hosted cluster that owns the control plane of its name: two names can lead to one namespace. Throws
 * `hosted-cluster-not-found`, `hosted-cluster-unsuitable`.
 */
export async function readOwner(cluster: ManagementCluster, ref: ObjectRef): Promise<Answered<HostedCluster>> {
  const hostedCluster = await readHostedCluster(cluster, ref);
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  const controlPlane = await cluster.findHostedControlPlane({ namespace, name: ref.name });
  const name = `${ref.namespace}/${ref.name}`;
  // Without a control plane there is nobody else's to be touched.
  const owner = controlPlane?.owner ?? name;
  if (owner === name) return hostedCluster;
  throw new ActionError(
    "hosted-cluster-unsuitable",
    `hosted cluster ${name} is not the owner of its HostedControlPlane, which names ${JSON.stringify(owner)}`,
    { hint: "check the inputs hosted-cluster and hosted-cluster-namespace; nothing was touched" },
  );
}
