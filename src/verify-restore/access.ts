import { listKeySecrets } from "../encryption/secret.ts";
import { controlPlaneNamespace, type HostedCluster } from "../hypershift/hosted-cluster.ts";
import type { Access, ManagementCluster, ObjectRef } from "../ports.ts";
import { deniedAll, findDeniedExecs, refuseDenied, secretAccess } from "../preflight/access.ts";
import { readOwner } from "../preflight/hosted-cluster.ts";

const account = "etcd-verify-restore";

/** Every access but commands in the etcd pods and the Secret of the key; docs/rbac.yaml grants exactly these to etcd-verify-restore. */
function requiredAccesses(ref: ObjectRef): readonly Access[] {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  return [
    { verb: "get", group: "hypershift.openshift.io", resource: "hostedclusters", ...ref },
    { verb: "get", group: "hypershift.openshift.io", resource: "hostedcontrolplanes", namespace, name: ref.name },
    { verb: "get", group: "apps", resource: "statefulsets", namespace, name: "etcd" },
    { verb: "get", group: "apps", resource: "deployments", namespace, name: "kube-apiserver" },
    { verb: "list", group: "", resource: "pods", namespace },
  ];
}

/**
 * The hosted cluster, where everything that is to be looked at may be. Throws `permission-missing` with all that may not,
 * before anything is waited for, and as readOwner does.
 */
export async function readAllowed(cluster: ManagementCluster, ref: ObjectRef): Promise<HostedCluster> {
  const required = requiredAccesses(ref);
  const denied = await cluster.findDeniedAccesses(required);
  if (denied.length === required.length) throw deniedAll(ref, account);
  const execs = await findDeniedExecs(cluster, controlPlaneNamespace(ref.namespace, ref.name));
  refuseDenied([...denied, ...execs], ref, { mode: "verify-restore", account });
  const hostedCluster = await readOwner(cluster, ref);
  const secrets = listKeySecrets(hostedCluster).map(({ namespace, name }) => secretAccess(namespace, name));
  const deniedSecrets = secrets.length === 0 ? [] : await cluster.findDeniedAccesses(secrets);
  refuseDenied(deniedSecrets, ref, { mode: "verify-restore", account });
  return hostedCluster;
}
