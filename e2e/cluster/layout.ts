import { join } from "node:path";

/** Addresses inside of the network namespace; nothing outside of it sees them. */
export const addresses = {
  bridge: "e2e0",
  node: "10.89.0.1",
  pods: "10.89.0.0/16",
  services: "10.90.0.0/16",
  kubernetesService: "10.90.0.1",
} as const;

export const nodeName = "e2e";
export const apiServerUrl = `https://${addresses.node}:6443`;

/** Where things are below the folder of one run. */
export interface Layout {
  readonly work: string;
  readonly pki: string;
  readonly config: string;
  readonly logs: string;
  readonly processes: string;
  readonly volumes: string;
  readonly auditLog: string;
  readonly containerdSocket: string;
}

export function layoutOf(work: string): Layout {
  return {
    work,
    pki: join(work, "pki"),
    config: join(work, "config"),
    logs: join(work, "logs"),
    processes: join(work, "processes"),
    volumes: join(work, "volumes"),
    auditLog: join(work, "logs", "audit.jsonl"),
    containerdSocket: "/run/e2e-containerd.sock",
  };
}
