/** A kind of object that is served; the name is the plural of its path. */
export interface Resource {
  readonly name: ResourceName;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export type ResourceName =
  "hostedclusters" | "hostedcontrolplanes" | "deployments" | "statefulsets" | "pods" | "secrets" | "namespaces";

const table: Readonly<Record<ResourceName, Omit<Resource, "name">>> = {
  hostedclusters: { group: "hypershift.openshift.io", version: "v1beta1", kind: "HostedCluster" },
  hostedcontrolplanes: { group: "hypershift.openshift.io", version: "v1beta1", kind: "HostedControlPlane" },
  deployments: { group: "apps", version: "v1", kind: "Deployment" },
  statefulsets: { group: "apps", version: "v1", kind: "StatefulSet" },
  pods: { group: "", version: "v1", kind: "Pod" },
  secrets: { group: "", version: "v1", kind: "Secret" },
  namespaces: { group: "", version: "v1", kind: "Namespace" },
};

/** API groups with built-in resources: what they do not hold is answered in JSON. */
export const knownGroups: readonly string[] = ["", "apps", "authorization.k8s.io"];

export function resourceOf(name: ResourceName): Resource {
  return { name, ...table[name] };
}

/** Custom resources are served by another part of the API server than built-in ones; it differs here and there. */
export function isCustom(resource: { readonly group: string }): boolean {
  return resource.group === table.hostedclusters.group;
}

export function findResource(group: string, version: string, name: string): Resource | undefined {
  return Object.keys(table)
    .filter((known): known is ResourceName => known === name)
    .map(resourceOf)
    .find((resource) => resource.group === group && resource.version === version);
}

/** `deployments.apps`; `pods` in the core group. */
export function qualifiedName(resource: { readonly group: string; readonly name: string }): string {
  return resource.group === "" ? resource.name : `${resource.name}.${resource.group}`;
}
