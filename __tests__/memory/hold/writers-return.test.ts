import { expect, test } from "vitest";
import { confirmBack, confirmRelease } from "../../../src/hold/writers-return.ts";
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
    { ref: hostedClusterRef, original: { pausedUntil: null, replicas }, before: replicas },
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

test("a pause that somebody else set right after the release is left to them, and makes no run red", async () => {
  const world = new MemoryWorld();
  await world.timeline.pass(1000);
  const machine = new Machine(world.timeline);
  const lines: string[] = [];
  const { namespace, name } = hostedClusterRef;
  world.objects.patch("hostedclusters", namespace, name, { spec: { pausedUntil: "true" } });
  await world.timeline.pass(1000);
  const { replicas } = world;
  const released = confirmRelease(
    {
      cluster: createMemoryCluster(world.backend, world.wire, machine),
      clock: machine.clock,
      log: createMemoryLog({ machine, lines }),
      signal: new AbortController().signal,
    },
    { ref: hostedClusterRef, original: { pausedUntil: null, replicas } },
    { before: replicas, now: () => world.clock.now(), onLook: () => undefined },
  );
  await world.timeline.play(released);
  expect(lines.join("\n")).toContain("was paused by somebody else since its release");
});
