import { WorldClock } from "../../__tests__/world/management-cluster/clock.ts";
import { startOperators, type OperatorWorld } from "../../__tests__/world/management-cluster/operators.ts";
import { defaultSwitches } from "../../__tests__/world/management-cluster/switches.ts";
import { writerNames } from "../../src/hypershift/hosted-cluster.ts";
import type { KubeClient } from "../cluster/kube-client.ts";

const kinds = {
  hostedclusters: "HostedCluster",
  hostedcontrolplanes: "HostedControlPlane",
  deployments: "Deployment",
} as const;
/** As often as the operators look; theirs are told by a watch. */
const lookIntervalMs = 250;

/** HyperShift's operators, with the API server as their world. Returns what stops them. */
export function startRealOperators(
  admin: KubeClient,
  hostedCluster: { readonly namespace: string; readonly name: string },
  controlPlaneNamespace: string,
): () => void {
  const world: OperatorWorld = {
    clock: new WorldClock(),
    read: (resource, namespace, name) => admin.find(kinds[resource], namespace, name),
    patch: async (resource, namespace, name, patch, subresource) => {
      await admin.patch(kinds[resource], namespace, name, patch, subresource);
    },
  };
  const operators = startOperators(world, {
    hostedCluster,
    controlPlaneNamespace,
    writers: writerNames,
    switches: () => defaultSwitches,
  });
  const timer = setInterval(() => {
    operators.wake();
  }, lookIntervalMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    operators.stop();
  };
}
