import { afterAll, inject } from "vitest";
import { defaultSwitches } from "../world/management-cluster/switches.ts";
import { startWorld, type World } from "../world/world.ts";
import { createEntry, printSteps, type ScenarioOptions } from "./scenario.ts";

/**
 * Worlds for tests of one file that run side by side: each has one for itself while it works, and leaves the hosted
 * cluster as it was. A world in which a test failed is no other's. Called outside of tests.
 */
export function shareWorlds({ limits, ...options }: ScenarioOptions = {}): <T>(
  work: (world: World) => Promise<T>,
) => Promise<T> {
  const free: World[] = [];
  const ends: (() => Promise<void>)[] = [];
  let entry: ReturnType<typeof createEntry> | undefined;
  const start = async (): Promise<World> => {
    entry ??= createEntry(limits);
    const world = await startWorld({ entry: (await entry).path, compileCache: inject("compileCache"), ...options });
    ends.push(() => world.close());
    return world;
  };
  afterAll(async () => {
    await Promise.all(ends.map((end) => end()));
    await (await entry)?.remove();
  });
  return async (work) => {
    const world = free.pop() ?? (await start());
    const before = world.lines.length;
    try {
      const result = await work(world);
      world.cluster.clearFaults();
      world.store.faults.clear();
      world.cluster.set({ ...defaultSwitches, ...options.cluster?.switches });
      free.push(world);
      return result;
    } catch (error) {
      printSteps(world, before);
      throw error;
    }
  };
}
