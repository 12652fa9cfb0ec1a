import type { ManagementCluster } from "../../src/ports.ts";
import { describeClusterPort } from "../adapters/management-cluster-contract.ts";
import { createMemoryCluster } from "../world/memory-world/cluster-port.ts";
import { Machine } from "../world/memory-world/machine.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { playEach } from "./playing.ts";

const world = new MemoryWorld({
  replicas: { "kube-apiserver": 1, "openshift-apiserver": 1, "openshift-oauth-apiserver": 1 },
  switches: { hypershiftOperator: "dead", controlPlaneOperator: "dead" },
});
const port = createMemoryCluster(world.backend, world.wire, new Machine(world.timeline));
const play = playEach(world.timeline);

const cluster: ManagementCluster = {
  ...port,
  readServerTime: () => play(() => port.readServerTime()),
  findHostedCluster: (...args) => play(() => port.findHostedCluster(...args)),
  findHostedControlPlane: (...args) => play(() => port.findHostedControlPlane(...args)),
  findDeployment: (...args) => play(() => port.findDeployment(...args)),
  findStatefulSet: (...args) => play(() => port.findStatefulSet(...args)),
  findSecret: (...args) => play(() => port.findSecret(...args)),
  listPods: (...args) => play(() => port.listPods(...args)),
  findPod: (...args) => play(() => port.findPod(...args)),
  createPod: (...args) => play(() => port.createPod(...args)),
  deletePod: (...args) => play(() => port.deletePod(...args)),
  patchHostedCluster: (...args) => play(() => port.patchHostedCluster(...args)),
  scaleDeployment: (...args) => play(() => port.scaleDeployment(...args)),
  exec: (...args) => play(() => port.exec(...args)),
};

describeClusterPort("the world in memory", () => ({
  cluster,
  nowMs: () => world.clock.nowMs(),
  aesKey: world.aesKey,
  settle: () => world.timeline.pass(30_000),
}));
