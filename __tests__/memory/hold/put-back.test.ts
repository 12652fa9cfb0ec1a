import { expect, test } from "vitest";
import { describeAnswer } from "../../../src/adapters/kubernetes/errors.ts";
import type { ActionError } from "../../../src/errors.ts";
import { parseJournal, type Journal } from "../../../src/hold/journal.ts";
import { putBack } from "../../../src/hold/put-back.ts";
import type { ManagementCluster } from "../../../src/ports.ts";
import { createMemoryCluster } from "../../world/memory-world/cluster-port.ts";
import { Machine } from "../../world/memory-world/machine.ts";
import { cancelProcess, createMemoryLog, createStep, runMain, runPost } from "../../world/memory-world/step.ts";
import type { Fate } from "../../world/memory-world/wire.ts";
import { hostedClusterRef, MemoryWorld } from "../../world/memory-world/world.ts";
import { dieInCapture, setScene } from "../matrix/outcome.ts";
import { findDown, lookBefore } from "../oracle.ts";
import { describeEnd } from "../trial.ts";

/** Each way in which the HostedCluster alone cannot be read while the API server answers. */
const unread: readonly (readonly [string, Fate, cancelled: boolean])[] = [
  ["is refused", "refused", false],
  ["is refused, and the run is cancelled", "refused", true],
  ["is refused by a proxy", "barred", false],
  ["is answered with an error for ever, as by a conversion webhook that is down", "busy", false],
];

test.each(unread)(
  "API servers that are stopped come back before the deadline where the look at the HostedCluster %s",
  async (_, fate, cancelled) => {
    const world = new MemoryWorld();
    await world.timeline.pass(1000);
    const before = lookBefore(world);
    const step = createStep(world);
    let isHeld = false;
    world.weather = ({ operation, machine }) => {
      if (operation === "exec save" && !isHeld) {
        isHeld = true;
        if (cancelled) cancelProcess(world, machine);
      }
      return isHeld && operation === "get hostedclusters" ? { fate } : undefined;
    };
    const end = await world.timeline.play(runMain(world, step));
    const untilMs = Date.parse(world.pausedUntil ?? "") - world.timeline.nowMs();
    expect(untilMs).toBeGreaterThan(0);
    await world.timeline.pass(2000);
    expect(findDown(world, before)).toEqual([`cluster: it is paused until ${world.pausedUntil ?? ""}`]);
    // The pause stays until its deadline, and nobody is told that the API servers are down.
    expect(describeEnd(end)).toMatch(
      /^red with release-failed: the API servers of \S+ were scaled up again, but it is/,
    );
    expect(step.lines.join("\n")).toContain(`still held and paused until ${world.pausedUntil ?? ""}`);
    expect(step.report.apiServers).toBe(cancelled ? "starting" : "back");
    expect(world.watch.problems).toEqual([]);
  },
);

test.each([
  ["is refused", "refused"],
  ["is refused by a proxy", "barred"],
] as const)("post brings the API servers back, too, where the look at the HostedCluster %s", async (_, fate) => {
  const world = new MemoryWorld();
  await world.timeline.pass(1000);
  const before = lookBefore(world);
  const step = createStep(world);
  world.weather = ({ operation, machine }) => {
    if (operation === "exec save") machine.kill();
    return step.machine.alive || operation !== "get hostedclusters" ? undefined : { fate };
  };
  await world.timeline.play(runMain(world, step));
  expect(world.replicas["kube-apiserver"]).toBe(0);
  const end = await world.timeline.play(runPost(world, step));
  expect(Date.parse(world.pausedUntil ?? "") - world.timeline.nowMs()).toBeGreaterThan(0);
  await world.timeline.pass(2000);
  expect(findDown(world, before)).toEqual([`cluster: it is paused until ${world.pausedUntil ?? ""}`]);
  expect(describeEnd(end)).toMatch(/^red with release-failed: the API servers of \S+ were scaled up again, but it is/);
  expect(world.watch.problems).toEqual([]);
});

/** A cluster whose API servers were stopped by a run that is gone, and the port of another process to it. */
async function setHeld(): Promise<{ world: MemoryWorld; held: Journal; machine: Machine; cluster: ManagementCluster }> {
  const scene = await setScene();
  await dieInCapture(scene);
  const { world } = scene;
  const held = parseJournal(world.journal ?? "", undefined);
  const machine = new Machine(world.timeline);
  return { world, held, machine, cluster: createMemoryCluster(world.backend, world.wire, machine) };
}

test("nothing is scaled without a look after the run's own deadline, when another run may hold the cluster", async () => {
  const { world, held, machine, cluster } = await setHeld();
  world.set({ controlPlaneOperator: "dead" });
  await world.timeline.pass(Date.parse(held.deadline) - world.timeline.nowMs() + 1000);
  world.weather = ({ operation }) => (operation === "get hostedclusters" ? { fate: "refused" } : undefined);
  const log = createMemoryLog({ machine, lines: [] });
  const ended = putBack({ cluster, clock: machine.clock, log }, hostedClusterRef, held);
  await expect(world.timeline.play(ended)).rejects.toMatchObject({ code: "release-failed" });
  expect(world.replicas["kube-apiserver"]).toBe(0);
});

/** As an API server answers whose webhook cannot be reached, with failurePolicy Fail. */
function webhookDown(): ActionError {
  const message =
    'Internal error occurred: failed calling webhook "hostedclusters.hypershift.openshift.io": failed to call webhook: Post "https://operator.hypershift.svc:443/validate": dial tcp 10.0.0.1:443: connect: connection refused';
  const call = { verb: "patch", resource: "hostedclusters", ...hostedClusterRef };
  return describeAnswer(500, { kind: "Status", reason: "InternalError", message }, call);
}

test.each([
  ["is back in time", 3, undefined],
  ["stays down", Infinity, /webhook "hostedclusters\.hypershift\.openshift\.io"/],
])("a webhook of HyperShift that is down at the release and %s", async (_, times, expected) => {
  const { world, held, machine, cluster } = await setHeld();
  let failed = 0;
  const guarded: ManagementCluster = {
    ...cluster,
    patchHostedCluster: (...args) => {
      failed += 1;
      return failed <= times ? Promise.reject(webhookDown()) : cluster.patchHostedCluster(...args);
    },
  };
  const log = createMemoryLog({ machine, lines: [] });
  const ended = putBack({ cluster: guarded, clock: machine.clock, log }, hostedClusterRef, held);
  const failure = await world.timeline.play(
    ended.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
  expect(world.replicas["kube-apiserver"]).toBeGreaterThan(0);
  if (expected === undefined) {
    expect(failure).toBeUndefined();
    expect(world.pausedUntil).toBeUndefined();
  } else {
    expect(failure).toMatchObject({ code: "release-failed", message: expect.stringMatching(expected) as string });
    expect(failure).toMatchObject({ hint: expect.stringMatching(/webhook .*does not answer/) as string });
  }
});
