import { expect, test } from "vitest";
import { isJsonObject, type JsonObject } from "../../world/management-cluster/json.ts";
import type { ResourceName } from "../../world/management-cluster/resources.ts";
import { listAt } from "../../../src/json-path.ts";
import { createStep, runMain } from "../../world/memory-world/step.ts";
import { controlPlane, MemoryWorld } from "../../world/memory-world/world.ts";
import { describeEnd } from "../trial.ts";

/** Writes another status into one condition. */
function setCondition(world: MemoryWorld, resource: ResourceName, type: string, status: string): void {
  const namespace = resource === "hostedclusters" ? "clusters" : controlPlane;
  const conditions = listAt(world.objects.find(resource, namespace, "example"), "status", "conditions")
    .filter(isJsonObject)
    .map((condition): JsonObject => (condition["type"] === type ? { ...condition, status } : condition));
  world.objects.patch(resource, namespace, "example", { status: { conditions } }, { subresource: "status" });
}

const troubles: readonly (readonly [string, RegExp, (world: MemoryWorld) => void])[] = [
  [
    "a configuration that is invalid",
    /hosted-cluster-unsuitable: .*invalid configuration/,
    (world) => {
      setCondition(world, "hostedclusters", "ValidConfiguration", "False");
    },
  ],
  [
    "a control plane's configuration that is invalid",
    /hosted-cluster-unsuitable: .*invalid control plane configuration/,
    (world) => {
      setCondition(world, "hostedcontrolplanes", "ValidHostedControlPlaneConfiguration", "False");
    },
  ],
  [
    "a deployment that is debugged",
    /hosted-cluster-unsuitable: .*debug-deployments/,
    (world) => {
      const annotations = { "hypershift.openshift.io/debug-deployments": "openshift-apiserver" };
      world.patchHostedCluster({ metadata: { annotations } });
    },
  ],
  [
    "a pause of somebody else",
    /hosted-cluster-paused: /,
    (world) => {
      world.patchHostedCluster({ spec: { pausedUntil: "true" } });
    },
  ],
  [
    "a pause of somebody else that only HyperShift reads",
    /hosted-cluster-paused: /,
    (world) => {
      world.patchHostedCluster({ spec: { pausedUntil: "2099-01-01T00:00:00+24:00" } });
    },
  ],
  [
    "operators that stand still",
    /hosted-cluster-paused: /,
    (world) => {
      world.set({ controlPlaneOperator: "dead" });
      world.objects.patch("hostedcontrolplanes", controlPlane, "example", { spec: { channel: "stable" } });
    },
  ],
];

test.each(
  troubles.flatMap(([what, expected, change]) =>
    [true, false].map((quiesce) => [what, quiesce, expected, change] as const),
  ),
)("%s is refused only where API servers are to be stopped (quiesced: %s)", async (_, quiesce, expected, change) => {
  const world = new MemoryWorld({ request: { quiesce } });
  await world.timeline.pass(1000);
  change(world);
  await world.timeline.pass(5000);
  const { pausedUntil } = world;
  const step = createStep(world);
  const end = describeEnd(await world.timeline.play(runMain(world, step)));
  if (quiesce) expect(end).toMatch(expected);
  else {
    expect(end).toBe("green");
    // It is told all the same.
    expect(step.lines.filter((line) => expected.test(line))).toHaveLength(1);
  }
  expect(world.pausedUntil).toBe(pausedUntil);
  expect(world.journal).toBeUndefined();
  expect(world.watch.problems).toEqual([]);
});

test("an online backup of a cluster that somebody paused never takes or ends that pause, also where it fails", async () => {
  const world = new MemoryWorld({ request: { quiesce: false } });
  await world.timeline.pass(1000);
  world.patchHostedCluster({ spec: { pausedUntil: "true" } });
  await world.timeline.pass(1000);
  let journal: string | undefined;
  world.weather = ({ operation }) => {
    if (operation !== "exec save") return undefined;
    journal ??= world.journal;
    return { fate: "refused" };
  };
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toMatch(/^red with /);
  expect(journal).toContain('"pausedUntil":null,"replicas":{}');
  expect([world.pausedUntil, world.journal]).toEqual(["true", undefined]);
});
