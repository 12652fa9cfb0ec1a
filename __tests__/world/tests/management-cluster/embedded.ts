import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";
import { at, listAt, numberAt, stringAt } from "../../../../src/json-path.ts";
import type { ManagementCluster } from "../../management-cluster/management-cluster.ts";
import { rulesFromYaml, type Rule } from "../../management-cluster/rbac.ts";
import type { ContractCluster } from "../management-cluster-contract.ts";

export const writers = ["kube-apiserver", "openshift-apiserver", "openshift-oauth-apiserver"] as const;

/** What docs/rbac.yaml grants, and all to `administrator`. */
export function rulesWithAdministrator(): readonly Rule[] {
  const rbac = readFileSync(new URL("../../../../docs/rbac.yaml", import.meta.url), "utf8");
  const all = ["*"];
  return [
    ...rulesFromYaml(rbac),
    { apiGroups: all, resources: all, nonResourceURLs: all, verbs: all, users: ["administrator"] },
  ];
}

/** The embedded cluster as the contract sees any cluster. */
export async function openContract(cluster: ManagementCluster): Promise<ContractCluster> {
  const tokenOf = async (user: string): Promise<string> =>
    stringAt(parse(await cluster.kubeconfig({ user })), "users", 0, "user", "token") ?? "";
  return {
    url: cluster.url,
    certificateAuthority: cluster.ca.certificate,
    user: { name: cluster.user, token: await tokenOf(cluster.user) },
    administrator: { token: await tokenOf("administrator") },
    hostedCluster: { namespace: "clusters", name: "example" },
    controlPlaneNamespace: cluster.controlPlaneNamespace,
  };
}

/** Resolves when `holds`; throws with `what` when it does not in 20 s. */
export async function waitFor(what: string, holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`not after 20 s: ${what}`);
    await delay(5);
  }
}

export function pause(cluster: ManagementCluster, pausedUntil: string | null): void {
  cluster.patch("hostedclusters", "clusters", "example", { spec: { pausedUntil } });
}

export function scale(cluster: ManagementCluster, writer: string, replicas: number): void {
  cluster.patch("deployments", cluster.controlPlaneNamespace, writer, { spec: { replicas } });
}

export function replicasOf(cluster: ManagementCluster): readonly (number | undefined)[] {
  return writers.map((writer) => numberAt(cluster.deployment(writer), "spec", "replicas"));
}

/** `status/reason` of ReconciliationActive, and whether it is of the object's generation. */
export function reconciliationOf(object: unknown): string {
  const condition = listAt(object, "status", "conditions").find(
    (candidate) => stringAt(candidate, "type") === "ReconciliationActive",
  );
  const isCurrent = at(condition, "observedGeneration") === at(object, "metadata", "generation");
  const told = `${stringAt(condition, "status") ?? ""}/${stringAt(condition, "reason") ?? ""}`;
  return isCurrent ? told : `${told} of old`;
}

/** True when the control-plane-operator has taken notice of the pause, or of its end. */
export function hasNoticed(
  cluster: ManagementCluster,
  told: "False/ReconciliationPaused" | "True/AsExpected",
): boolean {
  const [hostedCluster, controlPlane] = [cluster.hostedCluster(), cluster.hostedControlPlane()];
  const isCopied = at(controlPlane, "spec", "pausedUntil") === at(hostedCluster, "spec", "pausedUntil");
  return isCopied && reconciliationOf(controlPlane) === told;
}
