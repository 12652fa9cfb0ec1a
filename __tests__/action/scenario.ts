import { inject, onTestFailed, onTestFinished } from "vitest";
import { startWorld, type World, type WorldOptions } from "../fakes/world.ts";

/** A world of one test, whose steps run the action that is to be tested; a test that fails shows what they printed. */
export async function startScenario(options: WorldOptions = {}): Promise<World> {
  const entry = inject("actionEntry");
  if ("problem" in entry) throw new Error(`there is no action to run: ${entry.problem}`);
  const world = await startWorld({ entry: entry.path, ...options });
  onTestFinished(() => world.close());
  onTestFailed(() => {
    console.log(
      world.lines.flatMap(({ stage, shown }) => (shown === undefined ? [] : `${stage} | ${shown}`)).join("\n"),
    );
  });
  return world;
}
