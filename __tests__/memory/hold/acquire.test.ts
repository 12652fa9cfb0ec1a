import { expect, test } from "vitest";
import { parseJournal } from "../../../src/hold/journal.ts";
import type { JsonObject } from "../../world/management-cluster/json.ts";
import { createStep, runMain } from "../../world/memory-world/step.ts";
import { MemoryWorld } from "../../world/memory-world/world.ts";
import { describeEnd } from "../trial.ts";

const approved: readonly (readonly [string, JsonObject])[] = [
  ["release", { spec: { release: { image: "quay.io/openshift/release:4.21.0" } } }],
  ["encryption", { spec: { secretEncryption: { aescbc: { activeKey: { name: "another-key" } } } } }],
];

test.each(approved.flatMap(([what, patch]) => [true, false].map((quiesce) => [what, quiesce, patch] as const)))(
  "a hosted cluster whose %s changed after preflight is not held (quiesced: %s)",
  async (_, quiesce, patch) => {
    let isDone = false;
    const world: MemoryWorld = new MemoryWorld({
      request: { quiesce },
      weather: ({ operation }) => {
        // The last request of preflight before the acquire reads the hosted cluster again.
        if (operation === "abort upload" && !isDone) {
          isDone = true;
          world.patchHostedCluster(patch);
        }
        return undefined;
      },
    });
    const end = await world.timeline.play(runMain(world, createStep(world)));
    expect(describeEnd(end)).toMatch(/^red with hold-conflict/);
    expect(world.watch.longestOutageMs).toBe(0);
    expect(world.journal).toBeUndefined();
  },
);

test("a run whose address no journal may hold writes a journal that every run reads", async () => {
  let journal: string | undefined;
  const world: MemoryWorld = new MemoryWorld({
    weather: ({ operation }) => {
      if (operation === "exec save") journal = world.journal;
      return undefined;
    },
  });
  const step = createStep(world);
  const run = { ...step.run, url: `https://forge.example/${"ä".repeat(20)}` };
  expect(describeEnd(await world.timeline.play(runMain(world, { ...step, run })))).toBe("green");
  expect(parseJournal(journal ?? "", world.clock.now()).run).toMatchObject({ runId: step.run.runId, url: "" });
});
