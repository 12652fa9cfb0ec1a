import { link, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, inject, onTestFailed, onTestFinished } from "vitest";
import { limits } from "../../src/time-limits.ts";
import { startWorld, type World, type WorldOptions } from "../fakes/world.ts";
import type { ActionEntry } from "./entry.ts";

export interface ScenarioOptions extends WorldOptions {
  /** Time limits that are too long for a test; the action has all others as they are. */
  readonly limits?: Partial<Record<keyof typeof limits, number>>;
}

/** A world of one test, whose steps run the action that is to be tested; a test that fails shows what they printed. */
export async function startScenario({ limits: changed, ...options }: ScenarioOptions = {}): Promise<World> {
  const entry = await createEntry(changed);
  onTestFinished(entry.remove);
  const world = await startWorld({ entry: entry.path, ...options });
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
  return pathOf(inject("actionEntry"));
}

/** The action, with other time limits where some are changed: in a folder of its own then, until it is removed. */
export async function createEntry(
  changed: ScenarioOptions["limits"],
): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> {
  if (changed === undefined) return { path: entryPath(), remove: () => Promise.resolve() };
  const folder = await mkdtemp(join(tmpdir(), "action-limits-"));
  const path = join(folder, "index.mjs");
  await link(pathOf(inject("limitlessEntry")), path);
  const text = `export const limits = ${JSON.stringify({ ...limits, ...changed })};\n`;
  await writeFile(join(folder, "time-limits.mjs"), text);
  return { path, remove: () => rm(folder, { recursive: true, force: true }) };
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
