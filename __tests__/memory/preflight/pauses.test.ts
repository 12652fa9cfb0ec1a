import { expect, test } from "vitest";
import { createStep, runMain } from "../../world/memory-world/step.ts";
import { controlPlane, MemoryWorld } from "../../world/memory-world/world.ts";
import { describeEnd } from "../trial.ts";

test.each([
  ["a zone of 24 hours", "2099-01-01T00:00:00+24:00"],
  ["a comma before the fraction", "2099-01-01T00:00:00,5Z"],
  ["a zone of 60 minutes", "2099-01-01T00:00:00+01:60"],
  ["no zone", "2099-01-01T00:00:00"],
])("a pause of somebody else with %s is not taken over", async (_, pausedUntil) => {
  const world = new MemoryWorld({ hostedClusterPatch: { spec: { pausedUntil } } });
  await world.timeline.pass(1000);
  const end = describeEnd(await world.timeline.play(runMain(world, createStep(world))));
  expect(end).toMatch(/^red with hosted-cluster-paused: /);
  expect(world.pausedUntil).toBe(pausedUntil);
});

test("a pause that only HyperShift reads and that comes after preflight is not taken over", async () => {
  const pausedUntil = "2099-01-01T00:00:00+24:00";
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation === "abort upload") world.patchHostedCluster({ spec: { pausedUntil } });
      return undefined;
    },
  });
  const end = describeEnd(await world.timeline.play(runMain(world, createStep(world))));
  expect(end).toMatch(/^red with hold-conflict: /);
  expect(world.pausedUntil).toBe(pausedUntil);
});

test("a control plane that is paused past its HostedCluster is told so", async () => {
  const world = new MemoryWorld({ switches: { hypershiftOperator: "dead" } });
  world.objects.patch("hostedcontrolplanes", controlPlane, "example", { spec: { pausedUntil: "true" } });
  await world.timeline.pass(1000);
  const end = describeEnd(await world.timeline.play(runMain(world, createStep(world))));
  expect(end).toMatch(/^red with hosted-cluster-paused: HyperShift does not reconcile/);
  expect(world.watch.longestOutageMs).toBe(0);
});

test("operators that have not noticed yet that a pause is over are waited for", async () => {
  const world = new MemoryWorld({ hostedClusterPatch: { spec: { pausedUntil: "true" } } });
  await world.timeline.pass(1000);
  world.set({ copyDelayMs: 20_000, reconcileDelayMs: 20_000 });
  world.patchHostedCluster({ spec: { pausedUntil: null } });
  expect(describeEnd(await world.timeline.play(runMain(world, createStep(world))))).toBe("green");
});

test("who paused a hosted cluster, and since when, is told", async () => {
  const write = (manager: string, time: string, field: string): object => ({
    manager,
    operation: "Update",
    time,
    fieldsType: "FieldsV1",
    fieldsV1: { "f:spec": { [field]: {} } },
  });
  const managedFields = [
    write("argocd", "2026-11-20T08:00:00Z", "f:pausedUntil"),
    write("kubectl-edit", "2026-11-21T10:11:12Z", "f:pausedUntil"),
    write("hypershift-operator-main", "2026-11-22T01:00:00Z", "f:infraID"),
  ];
  const world = new MemoryWorld({
    hostedClusterPatch: JSON.parse(
      JSON.stringify({ metadata: { managedFields }, spec: { pausedUntil: "true" } }),
    ) as never,
  });
  const end = describeEnd(await world.timeline.play(runMain(world, createStep(world))));
  expect(end).toContain('is paused until "true" by "kubectl-edit", since 2026-11-21T10:11:12Z');
});

test("an upgrade is told with its release and its begin, and that it can be backed up all the same", async () => {
  const world = new MemoryWorld();
  const history = [{ state: "Partial", version: "4.21.3", startedTime: "2026-11-22T03:04:05Z" }];
  const conditions = [{ type: "Progressing", status: "True", reason: "Progressing", observedGeneration: 1 }];
  world.objects.patch(
    "hostedclusters",
    "clusters",
    "example",
    { status: { version: { history }, conditions } },
    { subresource: "status" },
  );
  const step = createStep(world);
  const end = describeEnd(await world.timeline.play(runMain(world, step)));
  expect(end).toContain('is being upgraded to "4.21.3", since 2026-11-22T03:04:05Z');
  expect(step.lines.join("\n")).toContain("allow-unhealthy: true");
});
