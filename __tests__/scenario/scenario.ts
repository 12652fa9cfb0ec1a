import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, inject, onTestFailed, onTestFinished } from "vitest";
import { writeLimits, type ChangedLimits } from "../../scripts/bundle.ts";
import { startWorld, type World, type WorldOptions } from "../world/world.ts";
import type { ActionEntry } from "./entry.ts";

export interface ScenarioOptions extends WorldOptions {
  /** Time limits that are too long for a test; the action has all others as they are. */
  readonly limits?: ChangedLimits;
}

/** A world of one test, whose steps run the action that is to be tested; a test that fails shows what they printed. */
export async function startScenario({ limits: changed, ...options }: ScenarioOptions = {}): Promise<World> {
  const entry = await createEntry(changed);
  onTestFinished(entry.remove);
  const world = await startWorld({ entry: entry.path, compileCache: inject("compileCache"), ...options });
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
    shared = await startWorld({ entry: entryPath(), compileCache: inject("compileCache"), ...options });
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

/** The folder of the action. Throws where the source could not be bundled. */
export function entryPath(): string {
  return pathOf(inject("actionEntry"));
}

/** The action, with other time limits where some are changed: in a folder of its own then, until it is removed. */
export async function createEntry(
  changed: ScenarioOptions["limits"],
): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  if (changed === undefined) return { path: entryPath(), remove: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), "action-limits-"));
  await cp(pathOf(inject("limitlessEntry")), folder, { recursive: true });
  writeLimits(folder, changed);
  return { path: folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

function pathOf(entry: ActionEntry): string {
  if ("problem" in entry) throw new Error(`there is no action to run: ${entry.problem}`);
  return entry.path;
}

/** What the steps of a world printed from that line on. */
export function printSteps(world: World, from: number): void {
  const lines = world.lines.slice(from);
  console.log(lines.flatMap(({ stage, shown }) => (shown === undefined ? [] : `${stage} | ${shown}`)).join("\n"));
}
