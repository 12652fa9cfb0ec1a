import { expect, test } from "vitest";
import { confirmBack } from "../../../src/hold/writers-return.ts";
import type { ManagementCluster } from "../../../src/ports.ts";
import { createMemoryCluster } from "../../world/memory-world/cluster-port.ts";
import { Machine } from "../../world/memory-world/machine.ts";
import { createMemoryLog } from "../../world/memory-world/step.ts";
import { hostedClusterRef, MemoryWorld } from "../../world/memory-world/world.ts";

test("commands to put back by hand scale what did not come back, and nothing that is up", async () => {
  const world = new MemoryWorld();
  await world.timeline.pass(1000);
  const machine = new Machine(world.timeline);
  const port = createMemoryCluster(world.backend, world.wire, machine);
  const cluster: ManagementCluster = {
    ...port,
    findDeployment: async (ref) => {
      const found = await port.findDeployment(ref);
      return found === undefined || ref.name === "kube-apiserver" ? found : { ...found, readyReplicas: 0 };
    },
  };
  const { replicas } = world;
  const back = confirmBack(
    { cluster, clock: machine.clock, log: createMemoryLog({ machine, lines: [] }) },
    { ref: hostedClusterRef, original: { pausedUntil: null, replicas } },
    60_000,
  );
  await expect(world.timeline.play(back)).rejects.toMatchObject({
    code: "release-failed",
    message: expect.stringMatching(/^openshift-\S+, openshift-\S+ of \S+ did not come back$/) as string,
    hint: expect.stringMatching(
      /by hand:\n {2}oc scale deployment\/openshift-\S+ [^\n]*\n {2}oc scale deployment\/openshift-\S+ [^\n]*\n {2}oc patch /,
    ) as string,
  });
});
