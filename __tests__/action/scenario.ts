import { afterAll, beforeAll, beforeEach, inject, onTestFailed, onTestFinished } from "vitest";
import { startWorld, type World, type WorldOptions } from "../fakes/world.ts";

/** A world of one test, whose steps run the action that is to be tested; a test that fails shows what they printed. */
export async function startScenario(options: WorldOptions = {}): Promise<World> {
  const world = await startWorld({ entry: entryPath(), ...options });
  onTestFinished(() => world.close());
  onTestFailed(() => {
    printSteps(world, 0);
  });
  return world;
}

/** One such world for all tests of a file that leave it as it was; called outside of them, it returns what gives the world. */
export function shareScenario(options: WorldOptions = {}): () => World {
  let shared: World | undefined;
  const world = (): World => {
    if (shared === undefined) throw new Error("the world is there in tests only");
    return shared;
  };
  beforeAll(async () => {
    shared = await startWorld({ entry: entryPath(), ...options });
  });
  beforeEach((context) => {
    const before = world().lines.length;
    context.onTestFailed(() => {
      printSteps(world(), before);
    });
  });
  afterAll(() => shared?.close());
  return world;
}

/** Throws where the source could not be bundled. */
export function entryPath(): string {
  const entry = inject("actionEntry");
  if ("problem" in entry) throw new Error(`there is no action to run: ${entry.problem}`);
  return entry.path;
}

function printSteps(world: World, from: number): void {
  const lines = world.lines.slice(from);
  console.log(lines.flatMap(({ stage, shown }) => (shown === undefined ? [] : `${stage} | ${shown}`)).join("\n"));
}
