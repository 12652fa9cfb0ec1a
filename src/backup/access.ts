import { ActionError } from "../errors.ts";
import { writerNames } from "../hypershift/hosted-cluster.ts";
import type { Access, ObjectRef } from "../ports.ts";

/**
 * Every access that a backup and its undo use, besides the encryption key's Secret, whose name the HostedCluster tells,
 * and the etcd pods, which are listed first. docs/rbac.yaml grants exactly these.
 */
export function requiredAccesses(
  hostedCluster: ObjectRef,
  controlPlaneNamespace: string,
  quiesce: boolean,
): readonly Access[] {
  const held = { group: "hypershift.openshift.io", resource: "hostedclusters", ...hostedCluster } as const;
  const inControlPlane = { namespace: controlPlaneNamespace } as const;
  return [
    { verb: "get", ...held },
    { verb: "patch", ...held },
    {
      verb: "get",
      group: "hypershift.openshift.io",
      resource: "hostedcontrolplanes",
      name: hostedCluster.name,
      ...inControlPlane,
    },
    ...writerNames.flatMap((name): readonly Access[] => [
      { verb: "get", group: "apps", resource: "deployments", name, ...inControlPlane },
      ...(quiesce
        ? [{ verb: "patch", group: "apps", resource: "deployments/scale", name, ...inControlPlane } as const]
        : []),
    ]),
    { verb: "get", group: "apps", resource: "statefulsets", name: "etcd", ...inControlPlane },
    { verb: "list", group: "", resource: "pods", ...inControlPlane },
  ];
}

/** Exec over WebSocket is a GET; since Kubernetes 1.35 it needs `create` too (kubernetes/kubernetes#134577). */
export function execAccesses(namespace: string, pod: string): readonly Access[] {
  return (["get", "create"] as const).map((verb) => ({ verb, group: "", resource: "pods/exec", namespace, name: pod }));
}

export function secretAccess(namespace: string, name: string): Access {
  return { verb: "get", group: "", resource: "secrets", namespace, name };
}

export function deniedAccess(access: Access): ActionError {
  const where = access.name === undefined ? `in ${access.namespace}` : `${access.name} in ${access.namespace}`;
  return new ActionError("permission-missing", `this user may not ${access.verb} ${access.resource} ${where}`, {
    hint: `grant ${access.verb} on ${access.resource} in ${access.namespace}, as docs/rbac.yaml does`,
  });
}
