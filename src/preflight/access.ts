import { ActionError, hasCode } from "../errors.ts";
import { controlPlaneNamespace, writerNames } from "../hypershift/hosted-cluster.ts";
import { etcdLabels, type Workload } from "../hypershift/workload.ts";
import type { Access, ManagementCluster, ObjectRef } from "../ports.ts";

/**
 * Every access that a backup and its undo use, besides the encryption key's Secret, whose name the HostedCluster tells,
 * and commands in the etcd pods, which are looked for first. docs/rbac.yaml grants exactly these. An online backup stops
 * nothing, and asks for no deployment.
 */
export function requiredAccesses(hostedCluster: ObjectRef, quiesce: boolean): readonly Access[] {
  const held = { group: "hypershift.openshift.io", resource: "hostedclusters", ...hostedCluster } as const;
  const inControlPlane = { namespace: controlPlaneNamespace(hostedCluster.namespace, hostedCluster.name) } as const;
  const ofWriters = writerNames.flatMap((name): readonly Access[] => [
    { verb: "get", group: "apps", resource: "deployments", name, ...inControlPlane },
    { verb: "patch", group: "apps", resource: "deployments/scale", name, ...inControlPlane },
  ]);
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
    ...(quiesce ? ofWriters : []),
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

/** The ServiceAccounts of docs/rbac.yaml that look at a hosted cluster, each for its modes. */
type Account = "etcd-backup" | "etcd-verify-restore" | "etcd-drill";

export function deniedAccess(access: Access, hostedCluster: ObjectRef, account: Account = "etcd-backup"): ActionError {
  return new ActionError("permission-missing", renderDenied(access), { hint: howToGrant(hostedCluster, account) });
}

/** Everything is denied under docs/rbac.yaml where it was applied for a hosted cluster of another name. */
export function deniedAll(hostedCluster: ObjectRef, account: Account = "etcd-backup"): ActionError {
  const { namespace, name } = hostedCluster;
  const mistaken = findMistaken(hostedCluster);
  return new ActionError(
    "permission-missing",
    `this user may do nothing of what is needed for hosted cluster ${namespace}/${name}: its name or namespace is probably wrong`,
    { hint: mistaken ?? `${whichNames(hostedCluster)}; if they are right, ${howToGrant(hostedCluster, account)}` },
  );
}

/** Throws `permission-missing` with all of `denied`, where there are any; `mode` is what needs them. */
export function refuseDenied(
  denied: readonly Access[],
  hostedCluster: ObjectRef,
  { mode, account, further = "" }: { readonly mode: string; readonly account: Account; readonly further?: string },
): void {
  const [first, ...others] = denied;
  if (first === undefined) return;
  if (others.length === 0) throw deniedAccess(first, hostedCluster, account);
  const lines = denied.map((access) => `- ${renderDenied(access)}`);
  throw new ActionError("permission-missing", `this user lacks permissions that ${mode} needs:\n${lines.join("\n")}`, {
    hint: howToGrant(hostedCluster, account) + further,
  });
}

function renderDenied({ verb, resource, name, namespace }: Access): string {
  return `this user may not ${verb} ${resource} ${name === undefined ? "" : `${name} `}in ${namespace}`;
}

/** Says what is to be looked at where a hosted cluster is not found under its names. */
export function whichNames(hostedCluster: ObjectRef): string {
  return findMistaken(hostedCluster) ?? "check the inputs hosted-cluster and hosted-cluster-namespace";
}

/** Where one of the names is that of the control plane's namespace, the one that is likely meant. */
function findMistaken({ namespace, name }: ObjectRef): string | undefined {
  const suffix = controlPlaneNamespace("", name);
  const given = namespace.endsWith(suffix) ? namespace.slice(0, -suffix.length) : "";
  if (given !== "")
    return `${namespace} looks like the namespace of the control plane: set hosted-cluster-namespace to that of the HostedCluster, likely ${given}`;
  return name.startsWith(`${namespace}-`)
    ? `${name} looks like the namespace of the control plane: set hosted-cluster to the name of the HostedCluster, likely ${name.slice(namespace.length + 1)}`
    : undefined;
}

/** One command, as the README has it; a placeholder that no name can have keeps one name out of another. */
function howToGrant({ namespace, name }: ObjectRef, account: Account): string {
  const part = account === "etcd-backup" ? "/^# For restores/,$d; " : "";
  const names = `s/clusters-example/@C/; s/\\bclusters\\b/@N/; s/\\bexample\\b/${name}/; s/@N/${namespace}/; s/@C/${controlPlaneNamespace(namespace, name)}/`;
  return `in a checkout of the action, sed '${part}${names}' docs/rbac.yaml | kubectl apply -f - grants them to ServiceAccount ${account}: the kubeconfig must have its token. For one cluster of several: docs/fleet.md`;
}

/**
 * The commands in etcd's pods that this user may not run: of the members that the StatefulSet names, else of the pods that
 * are there; where neither may be read, or there is none yet, of the member that every cluster has.
 */
export async function findDeniedExecs(
  cluster: Pick<ManagementCluster, "findStatefulSet" | "listPods" | "findDeniedAccesses">,
  namespace: string,
): Promise<readonly Access[]> {
  const statefulSet = await orDenied(cluster.findStatefulSet({ namespace, name: "etcd" }));
  const pods = statefulSet === undefined ? await orDenied(cluster.listPods(namespace, etcdLabels)) : undefined;
  const names = statefulSet === undefined ? (pods ?? []).map(({ name }) => name) : memberNames(statefulSet);
  const asked = names.length === 0 ? ["etcd-0"] : names;
  return cluster.findDeniedAccesses(asked.flatMap((name) => execAccesses(namespace, name)));
}

/** The pods of a StatefulSet etcd, by its replicas. */
export function memberNames({ replicas }: Pick<Workload, "replicas">): readonly string[] {
  return Array.from({ length: replicas }, (_, index) => `etcd-${String(index)}`);
}

async function orDenied<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (hasCode(error, "permission-missing")) return undefined;
    throw error;
  }
}

/**
 * Asks, before anything is touched, whether everything that a recovery does is allowed; less, where it is of a run that
 * stopped nothing. Throws `permission-missing` with
 * all that is not.
 */
export async function assertRecoverAllowed(
  cluster: ManagementCluster,
  ref: ObjectRef,
  { quiesced = true }: { readonly quiesced?: boolean } = {},
): Promise<void> {
  const namespace = controlPlaneNamespace(ref.namespace, ref.name);
  // The members are found by their pods; the StatefulSet tells a backup more.
  const needed = requiredAccesses(ref, quiesced).filter(({ resource }) => resource !== "statefulsets");
  const denied = await cluster.findDeniedAccesses(needed);
  const pods = denied.some(({ resource }) => resource === "pods") ? [] : await cluster.listPods(namespace, etcdLabels);
  const execs = pods.flatMap(({ name }) => execAccesses(namespace, name));
  if (denied.length === needed.length) throw deniedAll(ref);
  refuseDenied([...denied, ...(await cluster.findDeniedAccesses(execs))], ref, {
    mode: "recover",
    account: "etcd-backup",
    further: "; nothing was touched",
  });
}
