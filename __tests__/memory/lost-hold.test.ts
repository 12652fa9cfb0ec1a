import { expect, test } from "vitest";
import { journalAnnotation, parseJournal, renderJournal } from "../../src/hold/journal.ts";
import { columns } from "./matrix/column.ts";
import { playFault } from "./matrix/outcome.ts";
import { phaseOf } from "./matrix/phase.ts";
import { noTrouble } from "../world/memory-world/etcd-pod.ts";
import { createStep, runMain, runPost } from "../world/memory-world/step.ts";
import { MemoryWorld, writers } from "../world/memory-world/world.ts";
import { findDown, findLeft, lookBefore } from "./oracle.ts";
import { describeEnd } from "./trial.ts";

test("an API server that came back since somebody resumed the cluster is not stopped again", async () => {
  let resumed = false;
  const stopsAfterwards: string[] = [];
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation === "list pods" && world.replicas["kube-apiserver"] === 0 && !resumed) {
        resumed = true;
        world.patchHostedCluster({ spec: { pausedUntil: null } });
      }
      return undefined;
    },
  });
  world.objects.onChange((resource) => {
    if (
      resource === "deployments" &&
      resumed &&
      world.pausedUntil === undefined &&
      world.replicas["kube-apiserver"] === 3
    )
      stopsAfterwards.push("up");
    else if (stopsAfterwards.length > 0 && world.replicas["kube-apiserver"] === 0) stopsAfterwards.push("down");
  });
  const end = await world.timeline.play(runMain(world, createStep(world)));
  expect(end).toMatchObject({ kind: "red", failure: { code: "hold-lost" } });
  expect(resumed).toBe(true);
  expect(stopsAfterwards).not.toContain("down");
});

test.each([
  ["transfer: complete", "none"],
  ["proof", "none"],
  ["record: write", "none"],
  ["record: read back", "none"],
  // From here on a recovery finds the record, and leaves the snapshot alone.
  ["URL", "kept"],
])("a run whose lock another one has taken since is not green (%s)", async (name, snapshot) => {
  expect((await playFault(phaseOf(name), columns.taken())).words).toBe(`hold-lost back ${snapshot}`);
});

test("a post step that runs out of time does not say that somebody cancelled it, and says what to type", async () => {
  const { words } = await playFault(phaseOf("post: file in the pod"), columns.silent());
  expect(words).toMatch(/^release-failed /);
});

test("API servers come back, too, where a run that stops none holds the paused cluster before the undo has looked", async () => {
  let online: string | undefined;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation === "list pods" && world.replicas["kube-apiserver"] === 0 && online === undefined) {
        const own = parseJournal(world.journal ?? "", undefined);
        const original = { pausedUntil: null, replicas: {} };
        online = renderJournal({ ...own, nonce: "fedcba9876543210".repeat(2), original });
        world.patchHostedCluster({
          metadata: { annotations: { [journalAnnotation]: online } },
          spec: { pausedUntil: "true" },
        });
      }
      return undefined;
    },
  });
  await world.timeline.pass(1000);
  const before = lookBefore(world);
  const step = createStep(world);
  const end = await world.timeline.play(runMain(world, step));
  expect(describeEnd(end)).toMatch(/^red with hold-lost/);
  expect(step.report.apiServers).toBe("back");
  expect(findDown(world, { ...before, pausedUntil: "true" })).toEqual([]);
  expect([world.journal, world.pausedUntil]).toEqual([online, "true"]);
});

test("a journal that somebody made unreadable meanwhile is left alone, and what to type is said", async () => {
  let isSpoiled = false;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation === "list pods" && world.replicas["kube-apiserver"] === 0 && !isSpoiled) {
        isSpoiled = true;
        world.patchHostedCluster({ metadata: { annotations: { [journalAnnotation]: "spoiled" } } });
      }
      return undefined;
    },
  });
  const end = await world.timeline.play(runMain(world, createStep(world)));
  expect(world.journal).toBe("spoiled");
  if (end.kind !== "red") throw new Error(`it is ${end.kind}`);
  expect(end.failure.code).toBe("release-failed");
  expect(end.failure.hint).toContain("oc scale deployment/kube-apiserver");
});

test.each([
  [true, /^the API servers of .* may be down/],
  [false, /^the lock of this run may still be on /],
])("what cannot be put back is named as what it is (quiesced: %s)", async (quiesce, said) => {
  let isAway = false;
  const world: MemoryWorld = new MemoryWorld({
    request: { quiesce },
    weather: ({ service, operation }) => {
      isAway ||= operation === "exec save";
      return isAway && service !== "state" ? { fate: "reset" } : undefined;
    },
  });
  const end = await world.timeline.play(runMain(world, createStep(world)));
  expect(end).toMatchObject({ kind: "red", failure: { code: "release-failed" } });
  expect(end.kind === "red" && end.failure.message).toMatch(said);
});

test("API servers that somebody stopped after a failed run had put everything back stay stopped", async () => {
  const world = new MemoryWorld();
  for (const pod of world.pods.values()) pod.trouble = { ...noTrouble, volumeFull: true };
  const before = lookBefore(world);
  const step = createStep(world);
  expect(describeEnd(await world.timeline.play(runMain(world, step)))).toMatch(/^red with snapshot-failed/);
  expect(findLeft(world, before)).toEqual([]);
  world.patchHostedCluster({ spec: { pausedUntil: "true" } });
  await world.timeline.pass(10_000);
  for (const writer of writers) world.scale(writer, 0);
  await world.timeline.play(runPost(world, step));
  expect(Object.values(world.replicas)).toEqual([0, 0, 0]);
  expect(world.pausedUntil).toBe("true");
});
