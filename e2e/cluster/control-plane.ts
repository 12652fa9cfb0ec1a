import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Binaries } from "../binaries.ts";
import { addresses, type Layout } from "./layout.ts";
import type { ProgramPlan } from "./processes.ts";

/** Every request of an action with its verb, object and user, no bodies: what was asked for is what is judged. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived", "ResponseStarted"],
  rules: [
    // The controllers have ServiceAccounts, too.
    { level: "None", userGroups: ["system:serviceaccounts:kube-system"] },
    { level: "Metadata", userGroups: ["system:serviceaccounts"] },
    { level: "None" },
  ],
};

/** etcd and the API server of the management cluster. */
export async function planApiServer(layout: Layout, binaries: Binaries): Promise<readonly ProgramPlan[]> {
  const pki = (name: string): string => join(layout.pki, name);
  const policy = join(layout.config, "audit-policy.json");
  await writeFile(policy, JSON.stringify(auditPolicy));
  const etcd = {
    "data-dir": join(layout.work, "management-etcd"),
    "listen-client-urls": "http://127.0.0.1:2379",
    "advertise-client-urls": "http://127.0.0.1:2379",
    "listen-peer-urls": "http://127.0.0.1:2380",
    "unsafe-no-fsync": "true",
    "log-level": "warn",
  };
  const apiServer = {
    "etcd-servers": "http://127.0.0.1:2379",
    "bind-address": addresses.node,
    "advertise-address": addresses.node,
    "service-cluster-ip-range": addresses.services,
    "authorization-mode": "Node,RBAC",
    "client-ca-file": pki("ca.crt"),
    "tls-cert-file": pki("apiserver.crt"),
    "tls-private-key-file": pki("apiserver.key"),
    "service-account-issuer": "https://kubernetes.default.svc",
    "service-account-key-file": pki("service-account.pub"),
    "service-account-signing-key-file": pki("service-account.key"),
    "kubelet-client-certificate": pki("kubelet-client.crt"),
    "kubelet-client-key": pki("kubelet-client.key"),
    "kubelet-certificate-authority": pki("ca.crt"),
    "kubelet-preferred-address-types": "InternalIP",
    "audit-policy-file": policy,
    "audit-log-path": layout.auditLog,
  };
  return [
    { name: "management-etcd", command: join(binaries.etcd36, "etcd"), args: renderFlags(etcd) },
    { name: "kube-apiserver", command: join(binaries.kubernetes, "kube-apiserver"), args: renderFlags(apiServer) },
  ];
}

/** Controller-manager and scheduler; both end when they start before the API server has made its roles. */
export function planControllers(layout: Layout, binaries: Binaries): readonly ProgramPlan[] {
  const pki = (name: string): string => join(layout.pki, name);
  const controllerManager = {
    ...withKubeconfig(pki("controller-manager.kubeconfig")),
    "use-service-account-credentials": "true",
    "service-account-private-key-file": pki("service-account.key"),
    "root-ca-file": pki("ca.crt"),
  };
  return [
    { name: "kube-controller-manager", flags: controllerManager },
    { name: "kube-scheduler", flags: withKubeconfig(pki("scheduler.kubeconfig")) },
  ].map(({ name, flags }) => ({ name, command: join(binaries.kubernetes, name), args: renderFlags(flags) }));
}

function withKubeconfig(kubeconfig: string): Readonly<Record<string, string>> {
  return {
    kubeconfig,
    "authentication-kubeconfig": kubeconfig,
    "authorization-kubeconfig": kubeconfig,
    "leader-elect": "false",
    "bind-address": "127.0.0.1",
  };
}

function renderFlags(flags: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
}
