import { expect } from "vitest";
import type { RetentionPolicy } from "../../src/snapshots/retention.ts";
import { createStep, runMain, type StageEnd, type Step } from "../world/memory-world/step.ts";
import { MemoryWorld } from "../world/memory-world/world.ts";
import { describeEnd } from "./trial.ts";

export const day = 86_400_000;
/** Of the hosted cluster, in the bucket of a memory world. */
export const folder = "etcd/nightly/clusters/example/";

/** An online backup, as each night makes it. */
export async function backUp(world: MemoryWorld, retention?: RetentionPolicy): Promise<{ step: Step; end: StageEnd }> {
  const step = createStep(world, { quiesce: false, presign: false, ...(retention === undefined ? {} : { retention }) });
  const end = await world.timeline.play(runMain(world, step));
  return { step, end };
}

/** A world whose folder has so many snapshots, one a night. */
export async function afterNights(nights: number): Promise<MemoryWorld> {
  const world = new MemoryWorld();
  await world.timeline.pass(1_000);
  for (let night = 0; night < nights; night += 1) {
    expect(describeEnd((await backUp(world)).end)).toBe("green");
    await world.timeline.pass(day);
  }
  return world;
}

/** Names of the runs that have a record and a snapshot, the oldest first. */
export function wholeRuns(world: MemoryWorld): readonly string[] {
  const { keys } = world.bucket;
  return keys.flatMap((key) => {
    const name = key.replace(/\.json$/, "");
    return key.endsWith(".json") && keys.includes(`${name}.db`) ? [name.slice(folder.length)] : [];
  });
}
